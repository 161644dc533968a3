// Depositing: dropped, chosen or photographed; how far each file is; what to do when it is refused.

import { h, button, field, named, replace, uid } from '../dom.js';
import { t } from '../i18n.js';
import { session, isPerson } from '../state.js';
import { call, ofPatient, upload, Problem, Stale } from '../api.js';
import { failure, french } from '../parts.js';

const STAGES = ['sending', 'received', 'reading', 'searchable'];
const OVER = new Set(['searchable', 'refused', 'quarantined']);
const OWN = ['patient_note', 'directive']; // what a patient writes themselves comes first
const PAUSE = 700; // milliseconds between two looks at a document being read

export async function depositView(main) {
  const kept = (session.kept.deposits ??= []);
  const about = description();
  const list = h('ul.deposits', { 'aria-label': t('deposit.list') }, kept.map((each) => each.row));
  const take = (files) => {
    for (const file of files) {
      const one = { file, fields: about.said(), key: crypto.randomUUID(), row: h('li.deposit', {}) };
      kept.unshift(one);
      list.prepend(one.row);
      send(one);
    }
  };
  const chosen = h('input.unseen', { type: 'file', multiple: true, id: uid('files'), 'data-first': '', on: { change: () => { take(chosen.files); chosen.value = ''; } } });
  const photo = h('input.unseen', { type: 'file', accept: 'image/*', capture: 'environment', id: uid('photo'), on: { change: () => { take(photo.files); photo.value = ''; } } });
  const zone = h('div.drop', {
    on: {
      dragover: (event) => { event.preventDefault(); zone.classList.add('over'); },
      dragleave: () => zone.classList.remove('over'),
      drop: (event) => { event.preventDefault(); zone.classList.remove('over'); take(event.dataTransfer.files); },
    },
  }, h('p', {}, t('deposit.drop')), h('div.row', {},
    chosen, h('label.button.primary', { for: chosen.id }, t('deposit.choose')),
    photo, h('label.button', { for: photo.id }, t('deposit.photo'))));
  main.append(h('h1', {}, t('view.deposit')), h('p', {}, t(isPerson() ? 'deposit.own' : 'deposit.what')), about.form, zone, list);
  await about.fill();
}

// What the depositor says of the files that follow. A document that says its own type, date or title is believed first.
function description() {
  const kept = (session.kept.about ??= {});
  const keep = (name) => ({ on: { input: (event) => { kept[name] = event.target.value; warn(); } } });
  const type = h('select', { name: 'type_code', ...keep('type_code') }, h('option', { value: '' }, t('deposit.type.none')));
  const date = h('input', { type: 'date', name: 'event_date', value: kept.event_date ?? '', ...keep('event_date') });
  const title = h('input', { type: 'text', name: 'title', maxlength: '200', autocomplete: 'off', value: kept.title ?? '', ...keep('title') });
  const untyped = h('p.untyped', { role: 'status' });
  const warn = () => replace(untyped, kept.type_code ? null : t('deposit.untyped'));
  const fill = async () => {
    const { types } = await call('GET', '/v1/document-types');
    const categories = [...new Set(types.map((each) => each.category))];
    if (isPerson()) categories.sort((one, other) => OWN.includes(other) - OWN.includes(one));
    type.append(...categories.map((name) => h('optgroup', { label: t(`category.${name}`) }, types.filter((each) => each.category === name)
      .map((each) => h('option', { value: each.code, lang: 'fr' }, each.label)))));
    type.value = kept.type_code ?? '';
    warn();
  };
  return {
    fill, said: () => ({ ...kept }),
    form: h('div.about', {}, field(t('deposit.type'), type), field(t('deposit.date'), date), field(t('deposit.title'), title), untyped),
  };
}

// A file from here to searchable. The key makes a second sending of the same file the same deposit.
async function send(one) {
  try {
    paint(one, 'sending', 0);
    const { document_id: id } = await upload(one.file, { fields: one.fields, key: one.key, progress: (part) => paint(one, 'sending', part) });
    await follow(one, id);
  } catch (error) {
    if (error instanceof Stale) return;
    if (!(error instanceof Problem)) throw error;
    replace(one.row, title(one), failure(error), button(t('deposit.retry'), () => send(one)));
  }
}

async function follow(one, id) {
  for (;;) {
    const item = await ofPatient('GET', `/documents/${id}`);
    if (item.state === 'refused') {
      return void replace(one.row, title(one), h('div.notice.bad', { role: 'alert' },
        french(item.refusal.message, 'p'), french(item.refusal.remedy, 'p')), button(t('deposit.retry'), () => { one.key = crypto.randomUUID(); send(one); }));
    }
    if (item.state === 'quarantined') return void replace(one.row, title(one), h('div.notice.bad', { role: 'alert' }, h('p', {}, t('deposit.quarantined'))));
    paint(one, item.state === 'received' ? 'received' : OVER.has(item.state) ? item.state : 'reading', 1);
    if (OVER.has(item.state)) return undefined;
    await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
  }
}

function title(one) {
  return h('p.file', {}, named(one.file.name));
}

function paint(one, stage, part) {
  const at = STAGES.indexOf(stage);
  replace(one.row, title(one),
    h('ol.stages', {}, STAGES.map((name, number) => h(number < at || stage === 'searchable' ? 'li.done' : number === at ? 'li.now' : 'li', {
      'aria-current': number === at ? 'step' : null,
    }, t(`stage.${name}`)))),
    stage === 'sending' ? h('progress', { max: '1', value: part, 'aria-label': t('stage.sending') }) : null);
}
