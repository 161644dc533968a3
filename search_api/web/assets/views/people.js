// For the patient: where they are told of accesses, whom their documents name to call, and who may look for them.

import { h, button, field, named, plain, replace, uid } from '../dom.js';
import { t, day, moment } from '../i18n.js';
import { ofPatient } from '../api.js';
import { badge, busy, failure, notice } from '../parts.js';
import { sourcePanel } from '../source.js';

const ACTING = ['legal_representative', 'guardian', 'curator']; // an heir's request acts for nobody who lives

export async function peopleView(main, frame) {
  const trouble = h('div', {});
  const place = h('div.results', {}, busy());
  const { panel, open } = sourcePanel(main);
  main.append(h('h1', {}, t('view.people')), trouble, h('div.desk', {}, place, panel));
  const act = (run, done) => async () => {
    replace(trouble);
    try {
      await run();
      await load();
      if (done) replace(trouble, notice(done));
    } catch (error) { replace(trouble, failure(error)); }
  };
  const load = async () => {
    const [record, told, kin] = await Promise.all([
      ofPatient('GET', '/record'), ofPatient('GET', '/facts', { query: { kind: 'contact', limit: 100 } }), ofPatient('GET', '/representatives')]);
    replace(place, address(record, act), trusted(told, open, frame), representatives(kin.relations, act));
  };
  await load();
}

// The address itself is never shown again: whoever looks over a shoulder learns only that there is one.
function address({ has_contact: known, reminders }, act) {
  const mail = h('input', { type: 'email', maxlength: '254', autocomplete: 'email', required: true });
  const asked = h('input', { type: 'checkbox', id: uid('reminders'), checked: Boolean(reminders) });
  const send = (value) => act(() => ofPatient('PUT', '/contact', { json: { mail: value(), reminders: Boolean(value()) && asked.checked } }), t('contact.saved'));
  return h('section', {}, h('h2', {}, t('contact')), h('p.hint', {}, t('contact.what')),
    h('p', {}, known ? t('contact.known') : t('contact.none')),
    h('form', { on: { submit: (event) => { event.preventDefault(); send(() => mail.value.trim())(); } } },
      field(t('contact.mail'), mail), h('label', { for: asked.id }, asked, ' ', t('contact.reminders')),
      h('div.row', {}, h('button.primary', { type: 'submit' }, t('contact.save')), known ? button(t('contact.remove'), send(() => '')) : null)));
}

function trusted(told, open, frame) {
  return h('section', {}, h('h2', {}, t('trusted')),
    told.facts.length ? h('ul.moments', {}, told.facts.map((each) => h('li', {}, contact(each, open)))) : h('p', {}, t('trusted.none')),
    h('p.hint', {}, t('trusted.what')), button(t('trusted.deposit'), () => frame.go('deposit')));
}

function contact(fact, open) {
  const source = fact.sources[0];
  const about = [fact.details.role, fact.details.relation, fact.details.telephone].filter(Boolean).map(plain);
  return button([h('span.what', { lang: 'fr' }, named(fact.label)), h('span', { lang: 'fr' }, [...new Set(about)].join(' · ')),
    h('span.source', { lang: 'fr' }, named(source.document.title), ' · ', day(source.document.event_date))],
  () => open(source, { assertion: fact.assertion }), {}, 'button.moment');
}

function representatives(relations, act) {
  const live = relations.filter((each) => !each.ended_at && ACTING.includes(each.kind));
  return h('section', {}, h('h2', {}, t('kin')), h('p.hint', {}, t('kin.what')),
    live.length ? h('ul.plain', {}, live.map((each) => h('li', {},
      h('p', {}, h('strong', {}, t(`kin.${each.kind}`)), ' ', badge(each.valid_until ? t('kin.until', { date: moment(each.valid_until) }) : t('grant.forever'))),
      each.kind === 'curator' ? button(t(each.consented ? 'kin.refuse' : 'kin.accept'), act(() =>
        ofPatient('PUT', `/representatives/${each.relation_id}`, { json: { consented: !each.consented } }))) : null))) : h('p', {}, t('kin.none')));
}
