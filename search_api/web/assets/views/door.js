// The door: an identity is presented, and what one may do next is the same whether or not anybody here has it.

import { h, button, field, replace } from '../dom.js';
import { t } from '../i18n.js';
import { session, openPatient } from '../state.js';
import { call, Problem } from '../api.js';
import { failure } from '../parts.js';
import { openGlass } from '../glass.js';

export function doorView(main, frame) {
  const below = h('div', { 'aria-live': 'polite' }, session.told ? failure(session.told) : null);
  session.told = null;
  const present = (body) => async (next) => {
    replace(below);
    try {
      const { patient_id: id } = await call('POST', '/v1/patients/lookup', { json: body() });
      await enter(id, below, frame, next);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      replace(below, failure(error));
    }
  };
  main.append(h('section.door', {}, h('h1', {}, t('view.door')), byCode(present), below, byTraits(present)));
  const arriving = session.arriving;
  session.arriving = '';
  return arriving ? enter(arriving, below, frame) : undefined;
}

function byCode(present) {
  const input = h('input', {
    type: 'text', name: 'ins', autocomplete: 'off', spellcheck: 'false', inputmode: 'text', required: true, 'data-first': '',
  });
  const body = () => (isScan(input.value) ? { datamatrix: input.value } : { ins: input.value });
  const hint = session.hint ? t('door.hint.demo', { ins: session.hint }) : t('door.hint');
  return form(present(body), field(t('door.ins'), input, hint));
}

// A carte Vitale's datamatrix (INS) begins with IS and holds far more than the fifteen characters of a matricule.
function isScan(text) {
  return text.replace(/\s/g, '').length > 20;
}

function byTraits(present) {
  const text = (name, more = {}) => h('input', { type: 'text', name, autocomplete: 'off', required: true, ...more });
  const family = text('family_name');
  const given = text('given_names');
  const birth = h('input', { type: 'date', name: 'birth_date', required: true });
  const sex = h('select', { name: 'sex' }, ['F', 'M', 'U'].map((each) => h('option', { value: each }, t(`sex.${each}`))));
  const place = text('birth_place', { maxlength: '5' });
  const body = () => ({ traits: {
    family_name: family.value, given_names: given.value, birth_date: birth.value, sex: sex.value,
    birth_place: place.value.toUpperCase(),
  } });
  return h('details', {}, h('summary', {}, t('door.traits')), form(present(body),
    field(t('door.family'), family), field(t('door.given'), given), field(t('door.birth'), birth),
    field(t('door.sex'), sex), field(t('door.place'), place, t('door.place.hint'))));
}

// Enter opens the record; the card's key opens it on the card.
function form(run, ...fields) {
  const urgent = (event) => event.target.reportValidity() && run('card');
  return h('form.lookup', { on: { submit: (event) => { event.preventDefault(); run(); }, urgent } },
    ...fields, h('button.primary', { type: 'submit' }, t('door.open')));
}

async function enter(id, below, frame, next) {
  try {
    const identity = await call('GET', `/v1/patients/${id}/identity`);
    openPatient(identity);
    frame.go(next ?? 'search');
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 403) throw error;
    replace(below, closed(id, below, frame, error));
  }
}

// Nothing can be shown. The two ways on, for who may take them.
function closed(id, below, frame, problem) {
  const trouble = h('div', {});
  const attest = async () => {
    try {
      await call('POST', `/v1/patients/${id}/grants`, { json: { kind: 'attested' } });
      await enter(id, below, frame);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      replace(trouble, failure(error));
    }
  };
  const glass = () => openGlass(id, () => enter(id, below, frame, 'card'));
  const ways = session.me.kind !== 'practitioner' ? null : h('div.ways', {},
    h('div.way', {}, button(t('door.present'), attest, {}, 'button.primary'), h('p.hint', {}, t('door.present.what'))),
    h('div.way', {}, button(t('door.glass'), glass, {}, 'button.danger'), h('p.hint', {}, t('door.glass.what'))));
  return h('section.closed', {}, h('h2', {}, problem.title), ways ? h('p', {}, t('door.closed')) : h('p', {}, problem.remedy), trouble, ways);
}
