// The frame: header, identity banner, navigation and one view. What a view keeps lives in `session.kept`.

import { h, replace, button, named, say } from './dom.js';
import { t, current, choose } from './i18n.js';
import { session, clearPatient, signOut, isOverseer, isPerson, actsForAnother } from './state.js';
import { call, onClosed, onExpired, Problem, Stale } from './api.js';
import { banner, emergencyBar, watchOtherTabs } from './banner.js';
import { failure } from './parts.js';
import { signInView } from './signin.js';
import { again, watchIdleness } from './lock.js';
import { takeLaunch, followLaunch } from './launch.js';
import { doorView } from './views/door.js';
import { searchView } from './views/search.js';
import { cardView } from './views/card.js';
import { timelineView } from './views/timeline.js';
import { episodesView } from './views/episodes.js';
import { labsView } from './views/labs.js';
import { vaccinesView } from './views/vaccines.js';
import { documentsView } from './views/documents.js';
import { depositView } from './views/deposit.js';
import { rightsView } from './views/rights.js';
import { peopleView } from './views/people.js';
import { journalView } from './views/journal.js';
import { reviewsView } from './views/reviews.js';
import { auditView } from './views/audit.js';
import { vigilanceView } from './views/vigilance.js';
import { serviceView } from './views/service.js';
import { usageView } from './views/usage.js';
import { successionView } from './views/succession.js';

const VIEWS = {
  door: doorView, search: searchView, card: cardView, timeline: timelineView, episodes: episodesView, labs: labsView,
  vaccines: vaccinesView, documents: documentsView, deposit: depositView,
  rights: rightsView, people: peopleView, journal: journalView,
  reviews: reviewsView, audit: auditView, vigilance: vigilanceView, service: serviceView, usage: usageView, succession: successionView,
};
const OF_RECORD = ['search', 'card', 'timeline', 'episodes', 'labs', 'vaccines', 'documents', 'deposit'];
const NEEDS = { card: 'emergency', timeline: 'timeline', episodes: 'episodes', labs: 'observations', vaccines: 'immunizations' }; // what a view asks of the service
const app = document.getElementById('app');
let view = 'door';

// The views that this person may open now.
function offered() {
  const kind = session.me.kind;
  if (kind === 'auditor') return ['reviews', 'audit', 'usage', 'service'];
  if (kind === 'administrator') return [...(session.me.role ? ['vigilance'] : []), 'service', ...(session.me.role ? [] : ['audit']), 'usage', 'succession'];
  if (!session.patient) return ['door'];
  const answered = OF_RECORD.filter((name) => !NEEDS[name] || session.offers.includes(NEEDS[name]));
  const shown = actsForAnother() ? answered.filter((name) => name !== 'episodes') : answered; // stays are told to none of them
  return [...shown, ...(isPerson() ? ['rights', 'people'] : []), ...(isOverseer() ? ['journal'] : [])];
}

// Another view. The address names the view and nothing else; going back never leads into another record.
export function go(next, { push = true } = {}) {
  view = offered().includes(next) ? next : offered()[0];
  if (push) history.pushState({ view }, '', `#${view}`);
  render();
}

export function render({ focus = true } = {}) {
  if (!session.me) return void replace(app, top(), h('main', { id: 'main', tabindex: '-1' }, signInView(entered)));
  const main = h('main', { id: 'main', tabindex: '-1' });
  const record = session.patient && session.me.kind !== 'auditor';
  replace(
    app, skip(), top(),
    record ? h('div.banner-row', { id: 'banner' }, banner(leave), emergencyBar(reload, leave)) : null,
    offered().length > 1 ? navigation() : null, main,
  );
  Promise.resolve(VIEWS[view](main, { go, render, leave, reload })).catch((error) => fallen(main, error));
  if (focus) (main.querySelector('[data-first]') ?? main).focus({ preventScroll: true });
  app.querySelector('.tab[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  say(t(`view.${view}`));
}

function fallen(main, error) {
  if (error instanceof Stale) return;
  if (!(error instanceof Problem)) throw error;
  main.append(failure(error));
}

function skip() {
  return h('a.skip', { href: '#main', on: { click: (event) => {
    event.preventDefault();
    document.getElementById('main').focus();
  } } }, t('skip'));
}

function top() {
  const other = current() === 'fr' ? 'en' : 'fr';
  return h('header.top', {},
    h('span.brand', {}, 'Anamnèse'),
    session.me ? h('span.who', {}, named(whoSpeaks())) : h('span.who', {}),
    button(t('language.other'), () => { choose(other); render(); }, { lang: other }, 'button.quiet'),
    session.me ? button(t('signout'), leaveAll, {}, 'button.quiet') : null,
  );
}

// Nobody is signed in any more: nothing of before is left, in the address neither.
function leaveAll() {
  signOut();
  view = 'door';
  history.replaceState(null, '', location.pathname);
  render();
}

function whoSpeaks() {
  const { me } = session;
  if (me.kind === 'patient') return t('me.patient');
  return [me.name || t(`me.${me.role || me.kind}`), me.specialty].filter(Boolean).join(' · ');
}

function navigation() {
  return h('nav.tabs', { 'aria-label': t('nav') }, offered().map((name) => button(
    [t(`view.${name}`), name === 'card' ? h('kbd', {}, 'F2') : null], () => go(name),
    { 'aria-current': name === view ? 'page' : null }, 'button.tab',
  )));
}

// Leave the record: everything of it goes, and the door is there for the next one.
function leave() {
  clearPatient();
  go('door');
}

// The record is no longer open to this person: nothing of it stays, and the door says why.
function shutOut(problem) {
  clearPatient();
  session.told = problem;
  go('door');
}

// The identity again, and with it what the caller may see now; the door when that is nothing.
async function reload(next) {
  const id = session.patient.patient_id;
  try {
    const identity = await call('GET', `/v1/patients/${id}/identity`);
    if (session.patient?.patient_id === id) session.patient = identity;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 403) throw error;
    return shutOut(error);
  }
  go(next ?? view, { push: Boolean(next) });
}

async function entered() {
  session.me = await call('GET', '/v1/me');
  watchIdleness();
  if (session.me.patient_id) {
    session.patient = await call('GET', `/v1/patients/${session.me.patient_id}/identity`);
  }
  session.arriving = await followLaunch();
  go(offered()[0]);
}

addEventListener('popstate', (event) => session.me && go(event.state?.view ?? 'door', { push: false }));
addEventListener('keydown', (event) => {
  if (event.key !== 'F2' || !session.me || document.querySelector('dialog[open]')) return;
  event.preventDefault();
  if (session.patient) go('card');
  else app.querySelector('.lookup')?.dispatchEvent(new CustomEvent('urgent'));
});
onExpired(again);
onClosed(shutOut);
watchOtherTabs();
takeLaunch();
render();
