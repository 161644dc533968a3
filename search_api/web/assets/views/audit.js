// The journal of all records, for who audits it: whose record, who looked, what was done, in which days.

import { h, button, field, plain, replace, say, uid } from '../dom.js';
import { t, current, moment } from '../i18n.js';
import { session } from '../state.js';
import { call, Problem } from '../api.js';
import { badge, busy, failure } from '../parts.js';

// The journal's words for what is done, by what an auditor looks for.
export const DEEDS = {
  search: ['search', 'search-patients'],
  read: ['read-identity', 'list-documents', 'read-document', 'download', 'view-page', 'read-page-text', 'read-facts', 'read-timeline', 'read-observations', 'read-immunizations', 'read-summary', 'export'],
  urgent: ['break-glass', 'end-break-glass', 'emergency', 'review'],
  deposit: ['deposit', 'correct-page'],
  rights: ['grant', 'revoke', 'name-traitant', 'attest-consent', 'block', 'unblock', 'mask', 'unmask', 'hide-from-patient', 'announce', 'hide-from-representatives', 'open-to-representatives', 'close', 'reopen', 'oppose', 'withdraw-opposition'],
  kin: ['record-representative', 'end-representative', 'consent-curator', 'request-succession'],
  journals: ['read-journal', 'export-journal'],
};
const NOTHING = { patient: '', who: '', deeds: '', since: '', until: '', basis: false, refused: false, words: false };

// The view with a question already asked: from an emergency access to what was read under it.
export function askJournal(frame, question) {
  session.kept.audit = { ...NOTHING, ...question };
  frame.go('audit');
}

export async function auditView(main) {
  const kept = (session.kept.audit ??= { ...NOTHING });
  const place = h('div', { 'aria-live': 'polite' });
  const form = h('form.audit-form', { on: { submit: (event) => { event.preventDefault(); ask(); } } }, fields(kept, () => ask()));
  const narrow = (more) => { Object.assign(kept, more); replace(form, fields(kept, () => ask())); ask(); };
  const load = async (list, entries, before) => {
    const foot = list.nextSibling;
    const answer = await call('POST', '/v1/journal', { json: { ...question(kept), ...(before ? { before } : {}) } });
    entries.push(...answer.entries);
    list.append(...answer.entries.map((each) => lineOf(each, narrow)));
    replace(foot,
      entries.length || answer.next ? null : h('p.nothing', {}, t('audit.none')),
      answer.reached ? h('p.hint', {}, t('audit.reached', { when: moment(answer.reached) })) : null,
      answer.next ? button(t(answer.reached ? 'audit.on' : 'more'), () => guarded(foot, () => load(list, entries, answer.next)), {}, 'button.more') : null);
    say(t('audit.count', { count: entries.length }));
  };
  const ask = async () => {
    const list = h('ol.journal', {});
    replace(place, list, h('div', {}, busy()));
    await guarded(place, () => load(list, []));
  };
  main.append(h('h1', {}, t('view.audit')), h('p', {}, t('audit.what')), form, place);
  await ask();
}

async function guarded(place, run) {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    replace(place, failure(error));
  }
}

function question({ patient, who, deeds, since, until, basis, refused, words }) {
  return {
    patient: patient.trim(), who: who.trim(), actions: DEEDS[deeds] ?? [], basis: basis ? 'break_glass' : '', refused,
    with_queries: words, limit: 50, lang: current(), ...(since ? { since } : {}), ...(until ? { until } : {}),
  };
}

function fields(kept, ask) {
  const text = (name, label, hint) => {
    const input = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', maxlength: '40', value: kept[name], on: { input: () => { kept[name] = input.value; } } });
    return field(label, input, hint);
  };
  const day = (name) => {
    const input = h('input', { type: 'date', value: kept[name], on: { change: () => { kept[name] = input.value; } } });
    return field(t(`audit.${name}`), input);
  };
  const check = (name) => {
    const input = h('input', { type: 'checkbox', id: uid(name), checked: kept[name], on: { change: () => { kept[name] = input.checked; ask(); } } });
    return h('label.check', { for: input.id }, input, t(`audit.${name}`));
  };
  const deeds = h('select', { on: { change: () => { kept.deeds = deeds.value; ask(); } } },
    ['', ...Object.keys(DEEDS)].map((each) => h('option', { value: each, selected: each === kept.deeds }, t(each ? `deed.${each}` : 'audit.any'))));
  const given = Object.keys(NOTHING).some((name) => kept[name]);
  return [h('details', { open: given || matchMedia('(min-width: 40rem)').matches }, h('summary', {}, t('audit.criteria')),
    h('div.about', {}, text('patient', t('audit.patient'), t('audit.patient.hint')), text('who', t('audit.who'), t('audit.who.hint')),
      field(t('audit.deeds'), deeds), day('since'), day('until')),
    h('div.row', {}, check('basis'), check('refused'), session.me.kind === 'auditor' ? check('words') : null),
    h('div.row', {}, h('button.primary', { type: 'submit' }, t('ask.go')),
      button(t('audit.clear'), () => { Object.assign(kept, NOTHING); replace(document.querySelector('.audit-form'), fields(kept, ask)); ask(); })))];
}

// An entry, and the two ways on from it: the rest of what was done to that record, and by that person.
function lineOf(each, narrow) {
  const who = each.on_behalf || each.caller;
  return h('li', {},
    h('p', {}, plain(each.sentence)),
    each.query ? h('blockquote', { lang: 'fr' }, '« ', plain(each.query), ' »') : null,
    h('div.row', {},
      each.basis === 'break_glass' || each.action === 'break-glass' ? badge(each.reason ? [t('glass'), ' : ', t(`glass.${each.reason}`)] : t('glass'), 'bad') : null,
      each.outcome === 'refused' ? badge(t('journal.refused'), 'warn') : null,
      each.patient_id && button([t('audit.record'), ' (', h('code', {}, each.patient_id.slice(0, 8)), ')'], () => narrow({ patient: each.patient_id }), {}, 'button.link'),
      who ? button(t('audit.person'), () => narrow({ who }), {}, 'button.link') : null));
}
