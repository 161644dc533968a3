// A document beside the results: the picture of its page with the matched words boxed, match after match.

import { h, s, button, replace, marked, named, plain, say } from './dom.js';
import { t, day } from './i18n.js';
import { session } from './state.js';
import { ofPatient, Problem, Stale } from './api.js';
import { badge, badges, busy, failure, french, save, source, unread } from './parts.js';
import { textPanel } from './text.js';

const ZOOMS = [50, 75, 100, 150, 200, 300]; // per cent of the panel's width
const NARROW = 640; // pixels of a phone: a whole A4 page is too small to read there, and opens on its match

// `passages` are the hit's; with none (from the list of documents), the first page is shown. `shut` closes the panel.
export function readerPanel(document, passages, passage, shut) {
  const matches = passages.flatMap((each, number) => lines(each.boxes ?? []).map((box) => ({
    page: each.page, box, number, size: each.page_size, loose: each.highlights.length === 0,
  })));
  const here = { match: Math.max(0, matches.findIndex((each) => passages[each.number] === passage)), zoom: ZOOMS.indexOf(innerWidth < NARROW && matches.length ? 200 : 100) };
  here.page = passage?.page ?? 1;
  const place = h('div.sheet', { tabindex: '0', role: 'region', 'aria-label': t('reader.page') });
  const where = h('span.at', { 'aria-live': 'polite' });
  const quote = h('div.quotes', {});
  const pages = h('span.pages', {});
  const written = h('div', {});
  const writing = () => replace(written, written.firstChild ? null : textPanel(document, here.page, () => replace(written)));

  const step = (by) => {
    if (!matches.length) return;
    here.match = (here.match + by + matches.length) % matches.length;
    here.page = matches[here.match].page;
    paint();
  };
  const turn = (by) => { here.page = Math.max(1, here.page + by); paint(); };
  const zoom = (by) => { here.zoom = Math.min(ZOOMS.length - 1, Math.max(0, here.zoom + by)); scale(); };
  const scale = () => { const sheet = place.querySelector('.paper'); if (sheet) sheet.style.width = `${ZOOMS[here.zoom]}%`; };

  async function paint() {
    const current = matches[here.match];
    replace(where, matches.length ? t('reader.match', { number: here.match + 1, count: matches.length }) : '');
    replace(pages, t('page', { page: here.page }));
    const shown = current ? passages[current.number] : passage;
    replace(quote, shown ? quoted(document, shown) : null);
    const asked = here.page;
    replace(written);
    const pictured = passages.find((each) => each.page === asked);
    if (pictured && !pictured.page_url) return void replace(place, h('p.hint', {}, t('reader.nopicture')));
    if (!place.querySelector('.paper')) replace(place, busy());
    try {
      const address = await picture(document.id, asked, pictured?.boxes ? '' : pictured?.page_url);
      if (here.page !== asked) return;
      replace(place, paper(document, asked, address, matches, current));
      scale();
      centre(place);
    } catch (error) {
      if (error instanceof Stale) return;
      if (!(error instanceof Problem)) throw error;
      if (error.code === 'no-such-page' && asked > 1) { here.page = asked - 1; say(t('reader.last')); return void paint(); }
      replace(place, failure(error));
    }
  }
  paint();
  return [
    h('header.reader-head', {},
      h('h2', { tabindex: '-1' }, named(document.title)), button(t('close'), shut, {}, 'button.quiet')),
    h('div.labels', {}, badges(document)),
    source(document, day(document.event_date)),
    (document.signatures ?? []).filter((each) => each.verdict !== 'broken').map((each) => french(each.message, 'p.hint')),
    unread(document),
    h('div.toolbar', { role: 'toolbar', 'aria-label': t('reader.tools') },
      matches.length ? h('span.group', {}, button('‹', () => step(-1), { 'aria-label': t('reader.before') }), where, button('›', () => step(1), { 'aria-label': t('reader.next') })) : null,
      h('span.group', {}, button('←', () => turn(-1), { 'aria-label': t('reader.page.before') }), pages, button('→', () => turn(1), { 'aria-label': t('reader.page.next') })),
      h('span.group', {}, button('−', () => zoom(-1), { 'aria-label': t('reader.smaller') }), button('+', () => zoom(1), { 'aria-label': t('reader.larger') })),
      button(t('text'), writing), button(t('print'), () => window.print()), button(t('download'), () => download(document))),
    quote, written, place,
  ];
}

// The picture of a page, asked for once (each time is an access in the journal) and given back with the record.
// `drawn` is the address of a picture that the service boxes itself.
function picture(id, page, drawn) {
  const kept = (session.kept.pictures ??= new Map());
  const key = drawn || `${id}/${page}`;
  if (!kept.has(key)) {
    const query = drawn ? Object.fromEntries(new URL(drawn, location.origin).searchParams) : {};
    const asked = ofPatient('GET', `/documents/${id}/pages/${page}.png`, { blob: true, query }).then((blob) => {
      const address = URL.createObjectURL(blob);
      session.cleaners.push(() => URL.revokeObjectURL(address));
      return address;
    });
    asked.catch(() => kept.delete(key));
    kept.set(key, asked);
  }
  return kept.get(key);
}

function paper(document, page, address, matches, current) {
  const here = matches.filter((each) => each.page === page && each.size);
  const size = here[0]?.size;
  const image = h('img', { src: address, alt: t('reader.alt', { page, title: plain(document.title) }) });
  return h('div.paper', {}, image, size ? s('svg.boxes', { viewBox: `0 0 ${size[0]} ${size[1]}`, 'aria-hidden': 'true', preserveAspectRatio: 'none' },
    here.map((each) => box(each, each === current))) : null);
}

// A matched word's box; a loose one stands around lines that were found by their meaning alone.
function box({ box: [x0, y0, x1, y1], loose }, isCurrent) {
  const air = (y1 - y0) * 0.18;
  return s(`rect.box${loose ? '.loose' : ''}${isCurrent ? '.current' : ''}`, {
    x: x0 - air, y: y0 - air, width: x1 - x0 + 2 * air, height: y1 - y0 + 2 * air, rx: air,
  });
}

async function centre(place) {
  const image = place.querySelector('img');
  await image.decode().catch(() => {});
  const current = place.querySelector('.box.current');
  if (!current) return;
  const at = current.getBoundingClientRect();
  const frame = place.getBoundingClientRect();
  place.scrollBy({ top: at.top - frame.top - frame.height / 3, left: at.left - frame.left - frame.width / 3 });
}

// Boxes of neighbouring words on one line become one match.
function lines(boxes) {
  const joined = [];
  for (const [x0, y0, x1, y1] of boxes) {
    const last = joined.at(-1);
    const height = y1 - y0;
    if (last && Math.abs(last[1] - y0) < height / 2 && x0 - last[2] < height && x0 >= last[0]) {
      joined[joined.length - 1] = [last[0], Math.min(last[1], y0), Math.max(last[2], x1), Math.max(last[3], y1)];
    } else joined.push([x0, y0, x1, y1]);
  }
  return joined;
}

function quoted(document, passage) {
  return h('figure.quote', {},
    h('blockquote', { lang: 'fr' }, marked(passage.text, passage.highlights)),
    h('figcaption', {}, passage.assertion === 'absent' ? badge(t('label.absent'), 'absent') : null,
      button(t('copy'), () => copy(document, passage), {}, 'button.quiet')));
}

// The text with where it is from: a quotation without its source and date is worth nothing in a letter.
async function copy(document, passage) {
  const from = [document.title, document.type === document.title ? '' : document.type, day(document.event_date), document.author, document.organization, t('page', { page: passage.page })];
  const text = `« ${plain(passage.text).trim()} »\n— ${from.map(plain).filter(Boolean).join(', ')}`;
  await navigator.clipboard.writeText(text).then(() => say(t('copied')), () => say(t('copied.not')));
}

async function download(document) {
  save(await ofPatient('GET', `/documents/${document.id}/content`, { blob: true }), `document-${document.id}`);
}
