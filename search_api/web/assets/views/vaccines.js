// Vaccinations against the calendar: done, due or unknown, by the doses that documents prove, each opening its source.

import { h, button, named, plain, replace } from '../dom.js';
import { t, day, partial } from '../i18n.js';
import { ofPatient } from '../api.js';
import { badge, busy, french, notice } from '../parts.js';
import { sourcePanel } from '../source.js';

const KINDS = { done: 'good', due: 'warn', unknown: '' };
const ORDER = ['due', 'unknown', 'done'];

export async function vaccinesView(main) {
  const place = h('div.results', {}, busy());
  const { panel, open } = sourcePanel(main);
  main.append(h('h1', { tabindex: '-1', 'data-first': '' }, t('view.vaccines')), h('div.desk', {}, place, panel));
  const answer = await ofPatient('GET', '/immunizations');
  const sorted = [...answer.vaccines].sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));
  replace(place,
    answer.notice ? notice(french(answer.notice), 'bad') : null,
    h('ul.hits', {}, sorted.map((each) => h('li', {}, vaccine(each, open)))),
    h('p.hint', {}, french(answer.calendar)), h('p.last', {}, french(answer.last_line)));
}

function vaccine(each, open) {
  return h('article.hit.vaccine', {},
    h('div.row.between', {}, french(each.vaccine, 'h2'), badge(t(`vaccine.${each.status}`), KINDS[each.status])),
    h('p', {}, french(each.reason), each.next_due ? [' ', h('strong', {}, t('vaccine.next', { date: day(each.next_due) }))] : null),
    each.doses.length ? h('ul.moments', {}, each.doses.map((dose) => h('li', {}, line(dose, open)))) : null);
}

function line(dose, open) {
  const content = [h('span.when', {}, partial(dose.date)), h('span.what', { lang: 'fr' }, named(dose.text)),
    dose.source ? h('span.source', { lang: 'fr' }, plain(dose.source.document)) : null];
  return dose.source ? button(content, () => open(dose.source, { assertion: dose.assertion }), {}, 'button.moment') : h('div.moment', {}, content);
}
