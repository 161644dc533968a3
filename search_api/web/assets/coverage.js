// What an answer rests on, always in sight. In French the service's own sentence; in English the same from its counts.

import { h } from './dom.js';
import { t, current, day } from './i18n.js';

export function coverageBar(coverage) {
  const period = coverage.first_date
    ? t('coverage.period', { first: day(coverage.first_date), last: day(coverage.last_date) }) : '';
  const counts = ['pending', 'unreadable_pages', 'refused', 'quarantined']
    .filter((name) => coverage[name] > 0)
    .map((name) => h('span.lack', {}, t(`coverage.${name}`, { count: coverage[name] })));
  return h('section.coverage-bar', { 'aria-label': t('coverage') },
    h('strong', {}, t('coverage.searched', { count: coverage.searched })), h('span', {}, period),
    current() === 'fr' ? null : counts,
    h(counts.length && current() === 'fr' ? 'span.sentence.lack' : 'span.sentence', {}, current() === 'fr' ? coverage.notice : english(coverage)));
}

function english(coverage) {
  const said = coverage.degraded.map((mode) => t(`degraded.${mode}`));
  if (coverage.filters.length) said.unshift(t('coverage.filtered'));
  return [...said, t('coverage.last')].join(' ');
}
