// How this tab was opened by a hospital's software: a launch link in the fragment, or a SMART EHR launch in the query.
// Both leave the address at once and live in this tab's memory; both serve once. Neither signs anybody in.

import { session } from './state.js';
import { call, Problem } from './api.js';

export function takeLaunch() {
  const [fragment, query] = [new URLSearchParams(location.hash.slice(1)), new URLSearchParams(location.search)];
  const [link, iss, ehr] = [fragment.get('launch') ?? '', query.get('iss') ?? '', query.get('launch') ?? ''];
  if (link || iss || ehr) history.replaceState(null, '', location.pathname);
  session.launch = { link, iss: iss && ehr ? iss : '', ehr };
}

// Once somebody signed in: the record to open at the door, "" for none. A link that opens nothing says so at the door.
export async function followLaunch() {
  const { link } = session.launch;
  session.launch = { link: '', iss: '', ehr: '' };
  if (!link) return '';
  try {
    return (await call('POST', '/v1/launch-links/open', { json: { link } })).patient_id;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    session.told = error;
    return '';
  }
}
