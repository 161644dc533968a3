// Use in practice, counted without identities: how many records are fed and looked at, not only how many are open.

import { h, replace } from '../dom.js';
import { t, partial } from '../i18n.js';
import { call } from '../api.js';
import { busy, table } from '../parts.js';

const RECORDS = ['records', 'opened', 'closed', 'empty', 'fed', 'consulted', 'consulted_by_patient'];
const SEARCHES = ['searches', 'found_nothing'];

export async function usageView(main) {
  const place = h('div', {}, busy());
  main.append(h('h1', {}, t('view.usage')), h('p', {}, t('usage.what')), place);
  const now = await call('GET', '/v1/service/usage');
  const before = await call('GET', '/v1/service/usage', { query: { month: previous(now.month) } });
  const rows = (names, of) => names.map((name) => [t(`usage.${name}`), h('strong', {}, share(now, name, of)), share(before, name, of)]);
  const heads = [t('usage.count'), partial(now.month), partial(before.month)];
  replace(place,
    h('h2', {}, t('usage.of.records')), table(t('usage.of.records'), heads, rows(RECORDS, 'records')),
    h('h2', {}, t('usage.of.searches')), table(t('usage.of.searches'), heads, rows(SEARCHES, 'searches')),
    h('p.hint', {}, t('usage.note')));
}

// A count, with the part that it is of the whole.
function share(counts, name, of) {
  const whole = counts[of];
  return name === of || !whole ? String(counts[name]) : `${counts[name]} (${Math.round((100 * counts[name]) / whole)} %)`;
}

function previous(month) {
  const [year, number] = month.split('-').map(Number);
  return number === 1 ? `${year - 1}-12` : `${year}-${String(number - 1).padStart(2, '0')}`;
}
