// Calls to /v1 with the bearer's token. A failure is a Problem with the service's sentence and remedy.

import { session } from './state.js';
import { t, has } from './i18n.js';

export class Problem extends Error {
  constructor(status, body) {
    super(body.title ?? '');
    this.status = status;
    this.code = body.code ?? 'unreachable';
    this.title = has(`problem.${this.code}`) ? t(`problem.${this.code}`) : body.title;
    this.remedy = has(`remedy.${this.code}`) ? t(`remedy.${this.code}`) : body.remedy ?? '';
    this.reference = body.reference ?? '';
  }
}

// The record was closed meanwhile: whoever waited for the answer must drop it.
export class Stale extends Error {}

let ask = async () => { throw new Problem(401, {}); };
// `again` asks the person to sign in again, and resolves once they did.
export function onExpired(again) {
  ask = again;
}

let closed = () => {};
// `run` learns that the open record is no longer open to this person: revoked, closed, or the emergency access ended.
export function onClosed(run) {
  closed = run;
}

// `once`: a refusal of the token is an answer like another, not a reason to ask who is there.
export async function call(method, path, { json, query, headers = {}, signal, blob = false, once = false } = {}) {
  const response = await send(method, path, { json, query, headers, signal });
  if (response.status === 401 && !once) {
    await ask();
    return take(await send(method, path, { json, query, headers, signal }), blob, signal);
  }
  return take(response, blob, signal);
}

async function send(method, path, { json, query, headers, signal }) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.append(name, value);
  const body = json === undefined ? undefined : JSON.stringify(json);
  const sent = { ...headers };
  if (session.token) sent.Authorization = `Bearer ${session.token}`;
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  try {
    return await fetch(url, { method, body, headers: sent, signal, cache: 'no-store', credentials: 'omit' });
  } catch (error) {
    if (error.name === 'AbortError') throw new Stale();
    throw new Problem(0, { title: t('problem.unreachable'), remedy: t('remedy.unreachable') });
  }
}

async function take(response, blob, signal) {
  if (!response.ok) {
    const body = await response.json().catch(() => ({ title: t('problem.internal') }));
    throw new Problem(response.status, body);
  }
  if (response.status === 204) return null;
  try {
    return await (blob ? response.blob() : response.json());
  } catch {
    if (signal?.aborted) throw new Stale(); // the record was closed between the head and the body
    throw new Problem(0, { title: t('problem.unreachable'), remedy: t('remedy.unreachable') });
  }
}

// A call about the open record. Its answer is dropped (Stale) when another record was opened before it came, or when
// it speaks of another patient than was asked for.
export async function ofPatient(method, rest, options = {}) {
  const { epoch, patient, abort } = session;
  const id = patient.patient_id;
  const answer = await call(method, `/v1/patients/${id}${rest}`, { ...options, signal: abort.signal }).catch((error) => {
    if (error.code !== 'no-access') throw error;
    if (session.epoch === epoch) closed(error);
    throw new Stale();
  });
  if (session.epoch !== epoch) throw new Stale();
  if (answer && answer.patient_id !== undefined && answer.patient_id !== id) throw new Stale();
  return answer;
}

// A file on its way, with `progress(fraction)`. fetch does not tell how much was sent, so this is the older way.
export function upload(file, { fields = {}, key, progress }) {
  const { epoch, patient, abort, token } = session;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append('file', file, file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/v1/patients/${patient.patient_id}/documents`);
    request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.setRequestHeader('Idempotency-Key', key);
    request.responseType = 'json';
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => {
      if (session.epoch !== epoch) reject(new Stale());
      else if (request.status === 202) resolve(request.response);
      else if (request.status === 401) ask().then(() => upload(file, { fields, key, progress })).then(resolve, reject);
      else reject(new Problem(request.status, request.response ?? {}));
    };
    request.onerror = () => reject(new Problem(0, { title: t('problem.unreachable'), remedy: t('remedy.unreachable') }));
    request.onabort = () => reject(new Stale());
    abort.signal.addEventListener('abort', () => request.abort());
    request.send(form);
  });
}
