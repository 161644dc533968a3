// The record over time: documents, stays, acts, results and treatments, newest first, by year.

import { h, button, named, plain, replace, uid } from '../dom.js';
import { t, partial } from '../i18n.js';
import { session } from '../state.js';
import { ofPatient } from '../api.js';
import { badge, badges, busy } from '../parts.js';
import { sourcePanel } from '../source.js';
import { readerPanel } from '../reader.js';

export async function timelineView(main) {
  const kept = (session.kept.timeline ??= { kind: '' });
  const list = h('div.results', {}, busy());
  const { panel, open, shut } = sourcePanel(main);
  const shown = [];
  const read = (document) => {
    panel.hidden = false;
    main.classList.add('reading');
    replace(panel, readerPanel(document, [], null, shut));
    panel.querySelector('h2').focus();
  };
  const paint = (next) => {
    const kinds = [...new Set(shown.map((each) => each.kind))];
    const wanted = shown.filter((each) => !kept.kind || each.kind === kept.kind);
    const choose = h('select', { id: uid('kind'), on: { change: () => { kept.kind = choose.value; paint(next); } } },
      ['', ...kinds].map((kind) => h('option', { value: kind, selected: kind === kept.kind }, kind ? t(`kind.${kind}`) : t('timeline.all'))));
    replace(list, h('div.field.narrow', {}, h('label', { for: choose.id }, t('timeline.kind')), choose),
      byYear(wanted).map(([year, moments]) => h('section', {}, h('h2', {}, year || t('undated')),
        h('ol.moments', {}, moments.map((each) => h('li', {}, momentOf(each, open, read)))))),
      next ? button(t('more'), () => load(next), {}, 'button.more') : null);
  };
  const load = async (cursor) => {
    const answer = await ofPatient('GET', '/timeline', { query: cursor ? { cursor, limit: 100 } : { limit: 100 } });
    shown.push(...answer.moments);
    paint(answer.next);
  };
  main.append(h('h1', {}, t('view.timeline')), h('div.desk', {}, list, panel));
  await load();
}

function byYear(moments) {
  const years = new Map();
  for (const each of moments) {
    const year = each.date.slice(0, 4);
    years.set(year, [...(years.get(year) ?? []), each]);
  }
  return [...years];
}

function momentOf(moment, open, read) {
  const { document, fact } = moment;
  const from = fact?.sources[0];
  const act = document ? () => read(document) : from ? () => open(from, { assertion: fact.assertion }) : null;
  const content = [
    h('span.when', {}, partial(moment.date)), badge(t(`kind.${moment.kind}`)),
    h('span.what', { lang: 'fr' }, named(moment.label), fact?.value ? ` ${plain(fact.value.text)} ${plain(fact.value.unit)}` : ''),
    document ? badges(document) : null,
    fact && fact.assertion !== 'present' ? badge(t(`assertion.${fact.assertion}`), 'absent') : null,
    from ? h('span.source', {}, named(from.document.title)) : null,
  ];
  return act ? button(content, act, {}, 'button.moment') : h('div.moment', {}, content);
}
