// Narrowing an answer: what the documents found are, counted by the service within the caller's authorisations.

import { h, uid, plain } from './dom.js';
import { t, has } from './i18n.js';

const FIELDS = { author: 'auteur', specialty: 'spécialité', organization: 'organisation' };

// What the question gets beside its own words for an author, a specialty or an organisation: its language has those fields.
export function narrowing(filters) {
  return Object.keys(FIELDS).filter((name) => filters[name]).map((name) => `${FIELDS[name]}:"${filters[name].replaceAll('"', ' ')}"`);
}

export function facetBar(facets, filters, narrow) {
  const change = (name, value) => narrow({ ...filters, [name]: value || undefined });
  const lists = ['type', 'year', 'specialty', 'author', 'organization'].filter((name) => filters[name] || (facets?.[name] ?? []).length > 1)
    .map((name) => facet(name, facets?.[name] ?? [], filters[name], (value) => change(name, value)));
  const order = select('sort', [['', t('sort.relevance')], ['date', t('sort.date')]], filters.sort ?? '', (value) => change('sort', value));
  const all = h('input', { type: 'checkbox', id: uid('all'), checked: Boolean(filters.all), on: { change: () => change('all', all.checked) } });
  const fresh = h('input', { type: 'checkbox', id: uid('new'), checked: Boolean(filters.fresh), on: { change: () => change('fresh', fresh.checked) } });
  return h('div.facet-row', { role: 'group', 'aria-label': t('facets') }, lists, facets ? order : null,
    h('label.check', { for: fresh.id }, fresh, t('facet.new')), facets ? h('label.check', { for: all.id }, all, t('facet.all')) : null);
}

function facet(name, values, chosen, change) {
  const options = values.filter((each) => each.value).map((each) => [each.value, `${plain(each.label)} (${each.count})`]);
  if (chosen && !options.some(([value]) => value === chosen)) options.push([chosen, plain(chosen)]);
  return select(name, [['', t(`facet.${name}.any`)], ...options], chosen ?? '', change);
}

function select(name, options, chosen, change) {
  const id = uid(name);
  const list = h('select', { id, on: { change: () => change(list.value) } },
    options.map(([value, label]) => h('option', { value, selected: value === chosen }, label)));
  const label = has(`facet.${name}`) ? t(`facet.${name}`) : t(name);
  return h(chosen ? 'div.facet.chosen' : 'div.facet', {}, h('label.unseen', { for: id }, label), list);
}
