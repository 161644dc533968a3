// What this tab knows, in memory alone: nothing of it outlives the tab, and no other tab can reach it.

export const session = {
  token: null, // the bearer's access token
  me: null, // GET /v1/me
  left: false, // somebody signed out here: a provider that still knows them must ask again
  launch: { link: '', iss: '', ehr: '' }, // how a hospital's software opened this tab, until somebody signed in
  arriving: '', // the record that it asked to open, for the door
  hint: '', // the demo's patient, to be typed at the door
  offers: [], // what this service answers about a record
  idle: 600, // seconds without a key or a click before the page asks who is there
  told: null, // a Problem that the door shows once: why a record is no longer open
  saved: null, // the professional's own searches and lists, of no patient; read once
  patient: null, // GET …/identity of the open record
  epoch: 0, // counts changes of patient: an answer of an earlier one is dropped
  kept: {}, // what the views keep of the open record: question, answer, document in the reader
  cleaners: [], // run when the record is closed
  abort: new AbortController(), // ends every request of the open record
};

// Close the record: requests end, pictures are given back, and nothing of it is left.
export function clearPatient() {
  session.abort.abort();
  for (const clean of session.cleaners) clean();
  Object.assign(session, {
    patient: null, kept: {}, cleaners: [], abort: new AbortController(), epoch: session.epoch + 1,
  });
}

export function openPatient(identity) {
  clearPatient();
  session.patient = identity;
}

export function signOut() {
  clearPatient();
  Object.assign(session, { token: null, me: null, saved: null, hint: '', arriving: '', left: true });
}

export function isOverseer() {
  return ['self', 'traitant', 'legal_representative', 'guardian'].includes(session.patient?.basis);
}

// The patient and the médecin traitant are told of every stay, another professional of those whose team names them.
export function isTold() {
  return ['self', 'traitant'].includes(session.patient?.basis);
}

export function actsForAnother() {
  return ['legal_representative', 'guardian', 'curator', 'succession'].includes(session.patient?.basis);
}

export function isPerson() {
  return ['self', 'legal_representative', 'guardian'].includes(session.patient?.basis);
}
