// Signing in. Each way gives an access token; what follows is the same. The token is kept in this tab's memory alone.

import { h, button, field, replace, named } from './dom.js';
import { t } from './i18n.js';
import { session, signOut } from './state.js';
import { call, Problem } from './api.js';
import { failure, busy } from './parts.js';
import { byProvider } from './oidc.js';

export async function ways() {
  const answer = await call('GET', '/web/sign-in');
  session.idle = answer.idle_seconds;
  session.offers = answer.offers;
  return answer.ways;
}

// The first view: `entered` runs with a token in the session. A token that is refused leaves nothing behind.
export function signInView(entered) {
  const place = h('div', {}, busy());
  const trouble = h('div', {});
  const enter = async (token, hint) => {
    replace(trouble);
    Object.assign(session, { token, hint });
    try {
      await entered();
    } catch (error) {
      signOut();
      if (!(error instanceof Problem)) throw error;
      replace(trouble, failure(error));
    }
  };
  ways().then((found) => replace(place, choices(found, enter)), (error) => replace(place, failure(error)));
  return h('section.signin', {}, h('h1', {}, t('signin')), h('p', {}, t('signin.what')), trouble, place);
}

// The ways on offer, as buttons and a form. `enter(token, hint)` is what a way ends with. `fresh`: see oidc.js.
export function choices(found, enter, { fresh = session.left } = {}) {
  const { iss } = session.launch;
  const known = found.filter((way) => way.kind === 'oidc' && way.launches.includes(iss));
  if (iss && !session.me) return known.length ? launched(known, enter, fresh) : failure(unknown());
  const people = found.filter((way) => way.kind === 'demo');
  const providers = found.filter((way) => way.kind === 'oidc');
  return h('div', {},
    people.length ? h('div', {}, h('h2', {}, t('signin.demo')), h('ul.personas', {}, people.map((way) => h('li', {},
      button([h('strong', {}, named(way.title)), h('span', {}, named(way.name))], () => enter(way.token, way.hint), {}, 'button.persona'),
    )))) : null,
    providers.map((way, number) => byProvider(way, enter, { fresh, primary: number === 0 })),
    found.some((way) => way.kind === 'token') ? byToken(enter, people.length + providers.length > 0) : null);
}

// The software that launched the page says where one signs in: only there, and only if the settings know it.
function launched(known, enter, fresh) {
  return h('div', {}, h('p', {}, t('launch.what')), known.map((way) => byProvider(way, enter, { fresh, primary: true })));
}

function unknown() {
  return new Problem(403, { code: 'launch-unknown', title: t('launch.unknown'), remedy: t('launch.unknown.what') });
}

function byToken(enter, folded) {
  const token = h('input', { type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, name: 'token' });
  const form = h('form', { on: { submit: (event) => {
    event.preventDefault();
    enter(token.value.trim(), '');
  } } }, field(t('token'), token, t('token.hint')), h('button.primary', { type: 'submit' }, t('signin')));
  if (!folded) token.dataset.first = '';
  return folded ? h('details', {}, h('summary', {}, t('signin.token')), form) : form;
}
