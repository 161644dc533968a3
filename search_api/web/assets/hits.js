// Results: a document, its labels, its passages with the matched words. A passage opens in the reader.

import { h, marked } from './dom.js';
import { t, day } from './i18n.js';
import { badge, badges, source } from './parts.js';

const WINDOW = 340; // code points of a passage on the list; the reader has all of it
const BEFORE = 90; // of them before the first match

export function hitList(hits, open) {
  if (!hits.length) return h('p.nothing', {}, t('nothing'));
  const near = hits.filter((hit) => !hit.far);
  const far = hits.filter((hit) => hit.far);
  return [
    h('h2.unseen', {}, t('results', { count: hits.length })),
    near.length ? h('ol.hits', {}, near.map((hit) => h('li', {}, hitCard(hit, open)))) : null,
    far.length ? h('section.far', {}, h('h2', {}, t('far')), h('p.hint', {}, t('far.what')),
      h('ol.hits', {}, far.map((hit) => h('li', {}, hitCard(hit, open))))) : null,
  ];
}

function hitCard(hit, open) {
  const { document } = hit;
  return h(hit.far ? 'article.hit.distant' : 'article.hit', {},
    h('h3', {}, h('bdi', {}, marked(document.title, hit.title_highlights ?? []))),
    h('div.labels', {}, hit.far ? badge(t('label.far'), 'warn') : null, badges(document)),
    source(document, day(document.event_date)),
    hit.passages.map((passage) => passageButton(hit, passage, open)),
    hit.copies.length ? h('p.hint', {}, t('copies', { count: hit.copies.length })) : null);
}

function passageButton(hit, passage, open) {
  const { text, ranges, cutBefore, cutAfter } = excerpt(passage);
  return h('button.passage', {
    type: 'button', 'data-id': passage.passage_id, 'aria-pressed': 'false', on: { click: () => open(hit, passage) },
  },
  h('span.where', {}, t('page', { page: passage.page }), section(passage),
    passage.assertion === 'absent' ? [' ', badge(t('label.absent'), 'absent')] : null,
    passage.highlights.length ? null : [' · ', t('label.wordless')]),
  h(ranges.length ? 'span.text' : 'span.text.loose', {}, cutBefore ? '… ' : '', marked(text, ranges), cutAfter ? ' …' : ''));
}

// The section a passage stands in, unless its text begins by saying so.
function section({ section: name, section_highlights: ranges, text }) {
  return name && !text.trimStart().startsWith(name) ? [' · ', h('bdi', {}, marked(name, ranges ?? []))] : null;
}

// The part of a passage around its first match.
function excerpt({ text, highlights }) {
  const points = Array.from(text);
  if (points.length <= WINDOW) return { text, ranges: highlights, cutBefore: false, cutAfter: false };
  const first = highlights[0]?.[0] ?? 0;
  const last = Math.max(0, points.length - WINDOW);
  let start = Math.min(Math.max(0, first - BEFORE), last);
  while (start > 0 && start < first && /\S/.test(points[start - 1])) start += 1;
  const end = Math.min(points.length, start + WINDOW);
  const ranges = highlights.filter(([from, to]) => from >= start && to <= end).map(([from, to]) => [from - start, to - start]);
  return { text: points.slice(start, end).join(''), ranges, cutBefore: start > 0, cutAfter: end < points.length };
}
