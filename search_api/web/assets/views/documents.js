// Every document that the caller may see, with its state; the patient masks here, and a carer announces.

import { h, button, named, plain, replace, uid } from '../dom.js';
import { t, day, has } from '../i18n.js';
import { isPerson } from '../state.js';
import { ofPatient } from '../api.js';
import { badges, busy, confirm, failure, french, source, unread } from '../parts.js';
import { readerPanel } from '../reader.js';

export async function documentsView(main) {
  const list = h('div.results', {}, busy());
  const reader = h('aside.reader', { 'aria-label': t('reader'), hidden: true });
  const only = h('input', { type: 'checkbox', id: uid('only') }); // what came since the visit before this one
  const counted = h('span', {});
  const choice = h('label.check', { for: only.id, hidden: true }, only, counted);
  main.append(h('h1', {}, t('view.documents')), choice, h('div.desk', {}, list, reader));
  const shown = [];
  const shut = () => { reader.hidden = true; main.classList.remove('reading'); replace(reader); };
  const open = (item) => {
    reader.hidden = false;
    main.classList.add('reading');
    replace(reader, readerPanel(item, [], null, shut));
    reader.querySelector('h2').focus();
  };
  const load = async (cursor) => {
    if (!cursor) shown.length = 0;
    const page = await ofPatient('GET', '/documents', { query: cursor ? { cursor, limit: 100 } : { limit: 100 } });
    shown.push(...page.documents);
    paint(page.next);
  };
  const paint = (next) => {
    const fresh = shown.filter((item) => item.new);
    const items = only.checked && fresh.length ? fresh : shown;
    only.onchange = () => paint(next);
    choice.hidden = !fresh.length;
    replace(counted, t('documents.new', { count: fresh.length }));
    replace(list, items.length ? [h('h2.unseen', {}, t('results', { count: items.length })), h('ol.hits', {}, items.map((item) => h('li', {}, card(item, open, load))))] : h('p.nothing', {}, t('documents.none')),
      next ? button(t('more'), () => load(next), {}, 'button.more') : null);
  };
  await load();
}

function card(item, open, load) {
  const trouble = h('div', {});
  const act = (run) => async () => {
    try { if (await run()) await load(); } catch (error) { replace(trouble, failure(error)); }
  };
  const readable = item.state === 'searchable';
  return h('article.hit', {},
    h('div.row.between', {},
      h('div.grow', {}, h('h3', {}, named(item.title)), h('div.labels', {}, state(item), badges(item)), source(item, day(item.event_date))),
      h('div.row', {}, readable ? button(t('documents.open'), () => open(item), { 'aria-label': `${t('documents.open')} : ${plain(item.title)}` }) : null,
        isPerson() && readable ? maskButton(item, act) : null)),
    item.refusal ? h('div.notice.bad', {}, french(item.refusal.message, 'p'), french(item.refusal.remedy, 'p')) : null,
    item.unreadable_pages.length && !item.notes.length ? h('p.hint', {}, t('documents.unreadable', { pages: item.unreadable_pages.join(', ') })) : null,
    unread(item),
    trouble);
}

function state(item) {
  if (item.state === 'searchable') return null;
  const key = `state.${item.state}`;
  return h(`span.badge.${item.state === 'refused' ? 'bad' : 'warn'}`, {}, has(key) ? t(key) : item.state);
}

// Masking says what it does before it does it.
function maskButton(item, act) {
  if (item.masked) return button(t('unmask'), act(async () => {
    if (await confirm(t('unmask'), t('unmask.what'), { act: t('unmask') }) === null) return false;
    await ofPatient('DELETE', `/masks/${item.id}`);
    return true;
  }));
  return button(t('mask'), act(async () => {
    if (await confirm(t('mask.title', { title: item.title }), t('mask.what'), { act: t('mask') }) === null) return false;
    await ofPatient('POST', '/masks', { json: { document_id: item.id } });
    return true;
  }));
}
