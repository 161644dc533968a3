// The emergency card: what the documents say that matters first, in a fixed order, read at arm's length.

import { h, button, named, plain, replace } from '../dom.js';
import { t, current, day, partial, ago } from '../i18n.js';
import { ofPatient } from '../api.js';
import { badge, busy, french, notice } from '../parts.js';
import { sourcePanel } from '../source.js';

export async function cardView(main) {
  const place = h('div.results.card', {}, busy());
  const { panel, open } = sourcePanel(main);
  main.append(h('h1', { tabindex: '-1', 'data-first': '' }, t('view.card')), h('div.desk', {}, place, panel));
  const card = await ofPatient('GET', '/emergency');
  replace(place,
    card.notice ? notice(french(card.notice), 'bad') : null,
    h('div.sections', {}, card.sections.map((section) => sectionOf(section, open))),
    h('p.hint', {}, rest(card.read)), h('p.last', {}, french(card.last_line)));
}

function sectionOf(section, open) {
  return h(section.lines.length ? 'section.card-section' : 'section.card-section.bare', { 'data-key': section.key },
    french(section.title, 'h2'),
    section.lines.length ? h('ul', {}, section.lines.map((line) => h('li', {}, lineOf(line, open))))
      : french(section.empty, 'p.nothing-read'));
}

// A line is a button when a document says it: it opens where.
function lineOf(line, open) {
  const labelled = [line.contradicted ? 'contradictoire' : null, line.assertion === 'past' ? 'passé' : null].filter(Boolean);
  const remarks = line.remarks.filter((each) => !labelled.some((label) => each === label || (label === 'contradictoire' && each.startsWith(label)))); // its label says so
  const content = [
    line.group && line.group !== line.text ? h('span.group-name', { lang: 'fr' }, plain(line.group)) : null,
    h('span.said-text', { lang: 'fr' }, named(line.text)),
    h('span.labels', {},
      line.contradicted ? badge(t('card.contradicted'), 'bad') : null,
      line.assertion && line.assertion !== 'present' ? badge(t(`assertion.${line.assertion}`), 'absent') : null,
      line.date ? badge([partial(line.date), ' · ', ago(line.date)]) : line.source ? badge(t('undated')) : null,
      line.certainty ? h('span.badge', { lang: 'fr' }, plain(line.certainty)) : null
    ),
    remarks.length ? h('span.remarks', { lang: 'fr' }, remarks.map((each) => h('span', {}, plain(each)))) : null,
    line.source ? h('span.source', {}, named(line.source.document), ' · ', day(line.source.event_date),
      line.also.length ? ` · ${t('card.also', { count: line.also.length })}` : '') : null,
  ];
  if (!line.source) return h('div.card-line', {}, content);
  return button(content, () => open(line.source, { assertion: line.assertion }), {}, 'button.card-line');
}

function rest(read) {
  const period = read.first_date ? t('coverage.period', { first: day(read.first_date), last: day(read.last_date) }) : '';
  return [t('card.read', { count: read.documents }), period].filter(Boolean).join(current() === 'fr' ? ', ' : ', ');
}
