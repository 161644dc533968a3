// For identity vigilance: what each document in quarantine states of an identity, beside the record's, and a decision.

import { h, button, field, named, plain, replace } from '../dom.js';
import { t, moment } from '../i18n.js';
import { call } from '../api.js';
import { badge, busy, confirm, failure } from '../parts.js';

export async function vigilanceView(main) {
  const place = h('div', {}, busy());
  main.append(h('h1', {}, t('view.vigilance')), h('p', {}, t('vigilance.what')), place);
  const load = async () => {
    const { documents } = await call('GET', '/v1/quarantine');
    replace(place, documents.length ? h('ol.hits', {}, documents.map((each) => h('li', {}, held(each, load)))) : h('p.nothing', {}, t('vigilance.none')));
  };
  await load();
}

function held(each, load) {
  const trouble = h('div', {});
  const decide = (decision, more = {}) => async () => {
    const reason = await confirm(t(`decide.${decision}`), t(`decide.${decision}.what`), { act: t(`decide.${decision}`), reason: true, danger: decision === 'refuse' });
    if (reason === null) return;
    try {
      await call('POST', `/v1/quarantine/${each.document_id}`, { json: { decision, reason, ...more } });
      await load();
    } catch (error) { replace(trouble, failure(error)); }
  };
  const ins = h('input', { type: 'text', autocomplete: 'off', required: true });
  return h('article.hit', {},
    h('h2', {}, t('vigilance.received', { when: moment(each.received_at) })),
    h('dl.facts', {}, h('dt', {}, t('vigilance.record')), h('dd', {}, each.against.map(plain).join(' · '))),
    each.evidence.map((one) => h('div.evidence', {},
      h('p', {}, h('strong', {}, one.page ? t('vigilance.page', { page: one.page }) : t('vigilance.header')), ' ', named(one.found.join(' · '))),
      one.quote ? h('blockquote', { lang: 'fr' }, plain(one.quote)) : null,
      h('p.hint', {}, one.reasons.map((reason) => t(`differs.${reason}`)).join(', ')))),
    each.broken_signature ? h('p', {}, badge(t('vigilance.signature'), 'bad')) : null,
    trouble,
    h('div.row', {}, button(t('decide.release'), decide('release')), button(t('decide.refuse'), decide('refuse'), {}, 'button.danger')),
    h('form.row', { on: { submit: (event) => { event.preventDefault(); decide('reassign', { ins: ins.value.trim() })(); } } },
      field(t('vigilance.ins'), ins), h('button', { type: 'submit' }, t('decide.reassign'))));
}
