// The text of a page as it is searched, and its correction where the machine read it badly. The picture stays the
// reference, the old text is kept by the service, and a text half written outlives the panel.

import { h, button, field, plain, replace, say } from './dom.js';
import { t, moment } from './i18n.js';
import { session } from './state.js';
import { ofPatient } from './api.js';
import { busy, failure } from './parts.js';

export function textPanel(document, page, shut) {
  const place = h('section.page-text', { 'aria-label': t('text') }, busy());
  const drafts = (session.kept.drafts ??= new Map());
  const key = `${document.id}/${page}`;
  const path = `/documents/${document.id}/pages/${page}/text`;
  const paint = (found, trouble = null) => {
    const text = h('textarea', { rows: '14', maxlength: '100000', lang: 'fr', spellcheck: 'false', readonly: session.me.kind !== 'practitioner',
      on: { input: () => drafts.set(key, text.value) } });
    text.value = drafts.get(key) ?? found.text;
    const send = async () => {
      try {
        const made = await ofPatient('PUT', path, { json: { text: text.value, version: found.version } });
        drafts.delete(key);
        paint(made);
        say(t('text.saved'));
      } catch (error) { paint(found, error); }
    };
    replace(place,
      found.corrected_by ? h('p.hint', {}, t('text.corrected', { who: plain(found.corrected_by), when: moment(found.corrected_at) })) : null,
      trouble ? failure(trouble) : null,
      field(t('text.page', { page }), text, session.me.kind === 'practitioner' ? t('text.what') : null),
      h('div.row.end', {}, button(t('close'), shut), session.me.kind === 'practitioner' ? button(t('text.save'), send, {}, 'button.primary') : null));
  };
  ofPatient('GET', path).then(paint, (error) => replace(place, failure(error), button(t('close'), shut)));
  return place;
}
