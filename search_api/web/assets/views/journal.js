// Who looked, in plain words: the service's own sentence for each access.

import { h, plain, replace } from '../dom.js';
import { t, current } from '../i18n.js';
import { ofPatient } from '../api.js';
import { badge, busy } from '../parts.js';

export async function journalView(main) {
  const list = h('div', {}, busy());
  main.append(h('h1', {}, t('view.journal')), h('p', {}, t('journal.what')), list);
  const { entries } = await ofPatient('GET', '/journal', { query: { limit: 200, lang: current() } });
  replace(list, h('ol.journal', {}, entries.map((each) => h('li', {}, h('span', {}, plain(each.sentence)),
    each.purpose === 'emergency' || each.basis === 'break_glass' ? [' ', badge(t('glass'), 'bad')] : null,
    each.outcome === 'refused' ? [' ', badge(t('journal.refused'), 'warn')] : null))));
}
