// Nobody at the keyboard, or a token at its end: the page is covered, and whoever signed in signs in again. What was
// typed stays where it is. Anybody else starts anew, and nothing of before is left.

import { h, button, replace } from './dom.js';
import { t } from './i18n.js';
import { session, signOut } from './state.js';
import { Stale } from './api.js';
import { failure } from './parts.js';
import { ways, choices } from './signin.js';

let waiting = null;
let timer = null;
let watching = false;

// Resolves once the same person signed in again. Several requests that meet the end of a token wait together.
export function again() {
  if (!session.me) return Promise.resolve();
  waiting ??= locked().finally(() => { waiting = null; });
  return waiting;
}

function locked() {
  return new Promise((resolve, reject) => {
    const app = document.getElementById('app');
    app.inert = true;
    document.body.classList.add('locked');
    for (const open of document.querySelectorAll('dialog[open]')) open.classList.add('covered');
    const place = h('div', {});
    const trouble = h('div', {});
    const over = () => {
      app.inert = false;
      document.body.classList.remove('locked');
      for (const open of document.querySelectorAll('dialog.covered')) open.classList.remove('covered');
      dialog.close();
      dialog.remove();
      rest();
    };
    const enter = async (token) => {
      const before = { token: session.token, id: session.me.id, kind: session.me.kind };
      try {
        session.token = token;
        const me = await read(token);
        if (me.id !== before.id || me.kind !== before.kind) return void location.reload();
        over();
        resolve();
      } catch (error) {
        session.token = before.token;
        replace(trouble, failure(error));
      }
    };
    const away = () => { signOut(); reject(new Stale()); location.reload(); };
    const dialog = h('dialog.lock', { 'aria-labelledby': 'lock-title', on: { cancel: (event) => event.preventDefault() } },
      h('h2', { id: 'lock-title' }, t('lock')), h('p', {}, t('lock.what')), trouble, place,
      h('div.row.end', {}, button(t('signout'), away)));
    document.getElementById('layer').append(dialog);
    dialog.showModal();
    ways().then((found) => replace(place, choices(found, enter, { fresh: true })), (error) => replace(trouble, failure(error)));
  });
}

// Read with this token, without the detour that a refused one takes elsewhere.
async function read(token) {
  const response = await fetch('/v1/me', { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store' });
  const body = await response.json();
  if (!response.ok) throw body;
  return body;
}

function rest() {
  clearTimeout(timer);
  timer = setTimeout(() => { if (session.me) again().catch(() => {}); }, session.idle * 1000);
}

export function watchIdleness() {
  rest();
  if (watching) return;
  watching = true;
  for (const event of ['keydown', 'pointerdown', 'wheel', 'touchstart']) {
    addEventListener(event, () => { if (!waiting) rest(); }, { passive: true, capture: true });
  }
}
