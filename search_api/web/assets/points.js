// Results as written, a row each, newest first; and those that answer a question about a value, above the passages.

import { h, button, plain } from './dom.js';
import { t, day, partial } from './i18n.js';
import { badge, french, table } from './parts.js';

export function written(point) {
  return plain([point.comparator, point.original, point.original_unit].filter(Boolean).join(' '));
}

export function pointTable(analyte, points, open) {
  return table(t('labs.table', { analyte: plain(analyte) }), [t('when'), t('labs.value'), t('labs.range'), t('labs.flag'), t('labs.source')],
    points.map((each) => [
      partial(each.date), h('strong', {}, written(each)), plain(each.original_range), each.flag ? badge(plain(each.flag), 'warn') : '',
      button(`${plain(each.source.document)}, ${day(each.source.event_date)}`, () => open(each.source), { lang: 'fr' }, 'button.link'),
    ]), { wide: true });
}

export function valueList(values, open) {
  return values.map((each) => h('section.values', {},
    h('h2', {}, french(plain(each.understood).replace(/\bu(?=(mol|g|L|kat)\b)/g, 'µ'))),
    each.points.length ? pointTable(each.analyte, each.points, open) : h('p.nothing', {}, t('values.none')),
    each.total > each.points.length ? h('p.hint', {}, t('values.more', { count: each.total - each.points.length })) : null));
}
