// Small pieces that several views share.

import { h, button, named } from './dom.js';
import { t, current } from './i18n.js';

// A failure as the service tells it: what happened, then what to do about it.
export function failure(problem) {
  return h('div.notice.bad', { role: 'alert' },
    h('p', {}, h('strong', {}, problem.title || t('problem.internal'))),
    problem.remedy ? h('p', {}, problem.remedy) : null,
    problem.reference ? h('p', {}, t('reference', { reference: problem.reference })) : null,
  );
}

export function notice(text, kind = 'plain') {
  return h(`div.notice.${kind}`, { role: 'status' }, h('p', {}, text));
}

// What the service says in French only is marked so, for who listens to the page in English.
export function french(text, spec = 'span') {
  return h(spec, { lang: current() === 'fr' ? null : 'fr' }, text);
}

export function busy() {
  return h('p.busy', { role: 'status' }, t('busy'));
}

export function badge(text, kind = '') {
  return h(kind ? `span.badge.${kind}` : 'span.badge', {}, text);
}

// The labels of a document: what one must know before relying on it.
export function badges(document) {
  return [
    document.status === 'approved' ? null : badge(t(`status.${document.status}`), 'warn'),
    document.new ? badge(t('label.new'), 'good') : null,
    document.masked ? badge(t('label.masked'), 'warn') : null,
    document.hidden_from_representatives ? badge(t('label.secret'), 'warn') : null,
    document.by_patient ? badge(t('label.by_patient')) : null,
    document.version > 1 ? badge(t('label.version', { version: document.version })) : null,
    document.warning ? h('span.badge.warn', {}, french(document.warning)) : null,
    (document.signatures ?? []).filter((each) => each.verdict === 'broken').map((each) => h('span.badge.bad', {}, french(each.message))),
  ];
}

// What could not be read of a document, and on which pages.
export function unread(document) {
  return (document.notes ?? []).map((each) => h('p.hint', {}, t('page', { page: each.pages.join(', ') }), ' : ', french(each.message)));
}

// One line that says where a document is from.
export function source(document, date) {
  const parts = [document.title === document.type ? null : document.type, document.author, document.organization];
  return h('p.source', {}, h('strong', {}, date), parts.filter(Boolean).map((each) => [' · ', named(each)]));
}

// A question before an act, with its consequence in plain words. Resolves to the typed reason, "" without one, or null.
export function confirm(title, consequence, { act, reason = false, danger = false } = {}) {
  return new Promise((resolve) => {
    const text = reason ? h('textarea', { rows: '2', maxlength: '1000', id: 'confirm-reason', required: true }) : null;
    const heading = h('h2', { id: 'confirm-title', tabindex: '-1', autofocus: !reason }, title);
    const done = (value) => { dialog.close(); dialog.remove(); resolve(value); };
    const agree = () => (text && text.value.trim().length < 3 ? text.focus() : done(text ? text.value.trim() : ''));
    const dialog = h('dialog', { 'aria-labelledby': 'confirm-title', on: {
      cancel: (event) => { event.preventDefault(); done(null); },
    } },
    heading, h('p', {}, consequence),
    text ? h('div.field', {}, h('label', { for: 'confirm-reason' }, t('reason')), text) : null,
    h('div.row.end', {}, button(t('cancel'), () => done(null)),
      button(act ?? t('confirm'), agree, {}, danger ? 'button.danger' : 'button.primary')));
    document.getElementById('layer').append(dialog);
    dialog.showModal();
  });
}

// A table in a frame of its own that scrolls aside on a small screen, reachable by keyboard. On a phone each row becomes
// a block that names its cells, so that no act stands out of sight; `wide` ones, of figures to compare, stay tables. The
// roles say again what the elements are: a browser forgets it of a row that is laid out as a block.
export function table(caption, heads, rows, { wide = false } = {}) {
  return h('div.scroll', { tabindex: '0', role: 'region', 'aria-label': caption },
    h(wide ? 'table' : 'table.rows', { role: 'table' }, h('caption', {}, caption),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, heads.map((each) => h('th', { scope: 'col', role: 'columnheader' }, each)))),
      h('tbody', { role: 'rowgroup' }, rows.map((cells) => h('tr', { role: 'row' },
        cells.map((cell, column) => h('td', { role: 'cell', 'data-head': heads[column] }, cell)))))));
}

// Hand a file to the browser's downloads. Its name is ours: a document's own name may be anybody's words.
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  h('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
