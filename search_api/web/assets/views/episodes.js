// Stays and visits that hospitals announced, the latest first, with who cares for the patient in each.

import { h, named, plain, replace } from '../dom.js';
import { t, has, moment } from '../i18n.js';
import { isTold } from '../state.js';
import { ofPatient } from '../api.js';
import { badge, busy, notice, table } from '../parts.js';

export async function episodesView(main) {
  const place = h('div', {}, busy());
  main.append(h('h1', {}, t('view.episodes')), h('p.hint', {}, t(isTold() ? 'episodes.what' : 'episodes.yours')), place);
  const { episodes } = await ofPatient('GET', '/episodes');
  const heads = [t('episodes.when'), t('episodes.kind'), t('episodes.unit'), t('episodes.where'), t('episodes.team')];
  replace(place, episodes.length ? table(t('view.episodes'), heads, episodes.map((each) => [
    period(each), kind(each), each.unit ? named(each.unit) : null, establishment(each), team(each),
  ])) : notice(t('episodes.none')));
}

// What the hospital did not say is said to be so: an end that is not announced is no stay that lasts.
function period({ begins, ends, cancelled }) {
  const said = [[t('episodes.from'), begins], [t('episodes.to'), ends]].map(([word, at]) => h('div', {}, `${word} `, at ? moment(at) : t('episodes.unsaid')));
  return h('div', {}, cancelled ? badge(t('episodes.cancelled'), 'warn') : null, said);
}

function kind({ class_code: code }) {
  const key = `episodes.class.${code}`;
  return has(key) ? t(key) : named(code);
}

function establishment({ organization, visit }) {
  return h('div', {}, organization ? h('div', {}, 'FINESS ', named(organization)) : null, h('div.source', {}, t('episodes.visit'), ' ', named(visit)));
}

function team({ team: people }) {
  return people.length ? h('ul', {}, people.map(({ role, name, rpps }) => h('li', {},
    name ? named(name) : plain(`RPPS ${rpps}`), ' ', h('span.source', {}, t(`episodes.role.${role}`))))) : t('episodes.unsaid');
}
