// Who looked, in plain words: one sentence an access.

import { h, plain, replace } from '../dom.js';
import { t, has, moment } from '../i18n.js';
import { ofPatient } from '../api.js';
import { badge, busy } from '../parts.js';

export async function journalView(main) {
  const list = h('div', {}, busy());
  main.append(h('h1', {}, t('view.journal')), h('p', {}, t('journal.what')), list);
  const { entries } = await ofPatient('GET', '/journal', { query: { limit: 200 } });
  replace(list, h('ol.journal', {}, entries.map((each) => h('li', {}, sentence(each),
    each.purpose === 'emergency' || each.basis === 'break_glass' ? [' ', badge(t('glass'), 'bad')] : null,
    each.outcome === 'refused' ? [' ', badge(t('journal.refused'), 'warn')] : null))));
}

// "Le 12 mars 2026 à 14 h 02, Dr X, urgentiste, a consulté 3 documents."
function sentence(entry) {
  const when = moment(entry.at);
  const who = plain(person(entry));
  if (entry.outcome === 'refused') return h('span', {}, begun(t('journal.line.refused', { when, who })));
  const count = entry.documents.length;
  const key = has(`did.${entry.action}`) ? `did.${entry.action}` : 'did.other';
  const what = t(key, { count, action: entry.action });
  const seen = count && !key.endsWith('other') && entry.action === 'search' ? t('did.saw', { count }) : '';
  const reason = entry.reason && has(`glass.${entry.reason}`) ? ` (${t(`glass.${entry.reason}`)})` : '';
  return h('span', {}, begun(t('journal.line', { when, who, what: what + seen + reason })));
}

function begun(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function person(entry) {
  if (entry.caller_kind === 'patient') return entry.purpose === 'self' ? t('journal.you') : t('journal.representative');
  const name = entry.name || `${t(`me.${entry.caller_kind}`)} ${entry.on_behalf || entry.caller}`;
  return entry.role ? `${name}, ${entry.role},` : name;
}
