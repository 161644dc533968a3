// Whose record is open, on every view and every printed page; and the bar of an emergency access, as long as it lasts.

import { h, button, named, replace } from './dom.js';
import { t, day, age } from './i18n.js';
import { session } from './state.js';
import { ofPatient } from './api.js';
import { failure } from './parts.js';
import { openGlass } from './glass.js';

export function banner(leave) {
  const who = session.patient;
  const born = who.birth_date ? t('born', { date: day(who.birth_date), age: age(who.birth_date) }) : t('born.unknown');
  return h('section.banner', { 'aria-label': t('banner') },
    h('p.identity', {},
      h('strong.family', {}, named(who.family_name || t('name.unknown'))), ' ',
      h('span.given', {}, named(who.given_names)),
      who.used_name ? h('span.used', {}, ' ', t('name.used'), ' ', named(who.used_name)) : null),
    h('p.traits', {}, h('span', {}, born), h('span', {}, t(`sex.${who.sex}`)), h('span', {}, ins(who))),
    session.me.patient_id === who.patient_id ? null : button(t('leave'), leave, {}, 'button.quiet'));
}

function ins(who) {
  if (!who.ins) return t('ins.none');
  const grouped = who.ins.replace(/^(.)(..)(..)(..)(...)(...)(..)$/, '$1 $2 $3 $4 $5 $6 $7');
  return t('ins', { ins: grouped, status: t(`ins.${who.ins_status || 'provisional'}`) });
}

// The permanent notice of a break-glass, with what is left of it; extended in one tap, ended in one.
export function emergencyBar(reload, leave) {
  if (!session.patient.banner) return null;
  const left = h('strong.countdown', { role: 'timer' });
  const trouble = h('div', {});
  const act = (run) => async () => {
    try { await run(); } catch (error) { replace(trouble, failure(error)); }
  };
  const end = act(async () => { await ofPatient('DELETE', '/break-glass'); leave(); });
  const longer = () => openGlass(session.patient.patient_id, () => reload());
  const bar = h('section.emergency', { 'aria-label': t('glass') },
    h('p', {}, session.patient.basis === 'break_glass' ? t('glass.bar') : t('glass.centre15'), ' ', left), trouble,
    session.patient.basis === 'break_glass'
      ? h('div.row', {}, button(t('glass.extend'), longer), button(t('glass.end'), end)) : null);
  if (session.patient.seconds_left !== null) count(left, session.patient.seconds_left, reload);
  return bar;
}

// Counts down by the machine's own steady clock: a changed wall clock neither shortens nor lengthens it.
function count(left, seconds, reload) {
  const { epoch } = session;
  const until = performance.now() + seconds * 1000;
  const tick = () => {
    if (session.epoch !== epoch || !left.isConnected && left.dataset.shown) return clearInterval(timer);
    const rest = Math.max(0, Math.round((until - performance.now()) / 1000));
    left.textContent = `${String(Math.floor(rest / 60)).padStart(2, '0')}:${String(rest % 60).padStart(2, '0')}`;
    left.dataset.shown = 'yes';
    session.patient.seconds_left = rest;
    if (rest === 0) {
      clearInterval(timer);
      reload();
    }
  };
  const timer = setInterval(tick, 1000);
  tick();
}

// Two tabs never share a record; this only says, without naming anybody, that another one has a record open.
export function watchOtherTabs() {
  const channel = new BroadcastChannel('anamnese');
  const self = crypto.randomUUID();
  const others = new Map();
  setInterval(() => {
    if (session.patient) channel.postMessage({ self });
    for (const [id, seen] of others) if (performance.now() - seen > 5000) others.delete(id);
    document.body.classList.toggle('others', others.size > 0 && Boolean(session.patient));
    const place = document.getElementById('banner');
    const shown = document.getElementById('others');
    if (place && others.size && !shown) place.append(h('p.others', { id: 'others', role: 'status' }, t('tabs.other')));
    if (shown && !others.size) shown.remove();
  }, 1500);
  channel.onmessage = (event) => others.set(event.data.self, performance.now());
}
