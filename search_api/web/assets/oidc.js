// Signing in at an identity provider: the code flow with PKCE, in a window of its own, so that nothing typed here is
// lost. State and verifier stay in this tab's memory; the code comes back through a channel between our own windows.

import { h, button, replace, named } from './dom.js';
import { t } from './i18n.js';
import { session } from './state.js';
import { call, Problem } from './api.js';
import { failure } from './parts.js';

const BACK = new URL('/web/signed-in.html', location.origin).href;

// One provider's button. `enter(token)` is what it ends with; `fresh` asks for the secret again, whoever the provider
// still knows: who comes back to a session that rested, or after somebody signed out here, must prove who they are.
export function byProvider(way, enter, { fresh = false, primary = false } = {}) {
  const below = h('div', {});
  const ready = prepare(way, fresh);
  const open = async () => {
    const { url, state, verifier } = await ready();
    if (!window.open(url, '_blank', 'popup,width=560,height=760')) return void replace(below, failure(blocked()));
    replace(below, h('p.hint', { role: 'status' }, t('oidc.waiting')));
    try {
      const code = await answered(state, way.issuer);
      const { iss } = session.launch;
      const { token, launch } = await call('POST', '/web/sign-in', { once: true, json: { issuer: way.issuer, code, verifier, redirect_uri: BACK, iss } });
      if (iss) inView(launch);
      replace(below);
      await enter(token, '');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      replace(below, failure(error));
    }
  };
  const away = () => replace(below, failure(new Problem(503, { code: 'issuer-unavailable', title: t('oidc.away'), remedy: t('oidc.away.what') })));
  const label = [t('oidc.with'), ' ', named(way.title)];
  return h('div.provider', {}, button(label, way.authorize ? open : away, { 'data-first': primary ? '' : null }, primary ? 'button.primary' : 'button'), below);
}

// A new request each time: a state is good once. The first is made before the click, for browsers that open a window
// only at once.
function prepare(way, fresh) {
  let next = request(way, fresh);
  return () => {
    const made = next;
    next = request(way, fresh);
    return made;
  };
}

async function request(way, fresh) {
  const [state, verifier] = [random(), random()];
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const url = new URL(way.authorize || location.origin);
  const { iss, ehr } = session.launch;
  const asked = {
    response_type: 'code', response_mode: 'fragment', client_id: way.client_id, redirect_uri: BACK, state,
    scope: iss ? `${way.scope} launch` : way.scope, launch: iss && ehr, aud: iss,
    code_challenge: base64url(new Uint8Array(digest)), code_challenge_method: 'S256', acr_values: way.acr_values, resource: way.resource, prompt: fresh ? 'login' : '',
  };
  for (const [name, value] of Object.entries(asked)) if (value) url.searchParams.set(name, value);
  return { url, state, verifier };
}

// The code that the window brings back for this state. A provider that names another issuer is not the one we asked.
function answered(state, issuer) {
  return new Promise((resolve, reject) => {
    const channel = new BroadcastChannel('anamnese-signed-in');
    channel.onmessage = ({ data }) => {
      if (data.state !== state) return;
      channel.close();
      if (data.code && (!data.iss || data.iss === issuer)) resolve(data.code);
      else reject(new Problem(401, { code: 'sign-in-refused', title: t('oidc.refused'), remedy: t('oidc.refused.what') }));
    };
  });
}

// Whom the software that launched the page had in view; whoever signed in is told when that is nobody known.
function inView(link) {
  session.launch = { link, iss: '', ehr: '' };
  if (!link) session.told = new Problem(404, { code: 'launch-nobody', title: t('launch.nobody'), remedy: t('launch.nobody.what') });
}

function blocked() {
  return new Problem(0, { code: 'window-blocked', title: t('oidc.blocked'), remedy: t('oidc.blocked.what') });
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
