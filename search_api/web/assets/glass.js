// Break-glass: the reason in one tap. Opening and extending are the same request.

import { h, button, replace } from './dom.js';
import { t } from './i18n.js';
import { call } from './api.js';
import { failure } from './parts.js';

const REASONS = ['unconscious', 'life_threatening', 'cannot_consent', 'other'];

// A dialog with one button a reason; `opened` runs once the record is open.
export function openGlass(patientId, opened) {
  const trouble = h('div', {});
  const close = () => { dialog.close(); dialog.remove(); };
  const choose = (reason) => async (event) => {
    if (event.detail > 1) return; // the second half of a double click on what opened this is not a reason
    replace(trouble);
    try {
      await call('POST', `/v1/patients/${patientId}/break-glass`, { json: { reason } });
      close();
      await opened();
    } catch (error) {
      replace(trouble, failure(error));
    }
  };
  const dialog = h('dialog.glass', { 'aria-labelledby': 'glass-title', on: {
    cancel: (event) => { event.preventDefault(); close(); },
  } },
  h('h2', { id: 'glass-title', tabindex: '-1', autofocus: true }, t('glass.title')), h('p', {}, t('glass.consequence')), trouble,
  h('div.reasons', {}, REASONS.map((each) => button(t(`glass.${each}`), choose(each), {}, 'button.danger'))),
  h('div.row.end', {}, button(t('cancel'), close)));
  document.getElementById('layer').append(dialog);
  dialog.showModal();
}
