// A line of the card, of a series or of the timeline opens its source: the page, with the words that say it boxed.

import { h, replace } from './dom.js';
import { t } from './i18n.js';
import { readerPanel } from './reader.js';

// A panel beside `main`'s list, and what opens a source in it. `shut` gives the focus back to where it was.
export function sourcePanel(main) {
  const panel = h('aside.reader', { 'aria-label': t('reader'), hidden: true });
  let before = null;
  const shut = () => {
    panel.hidden = true;
    main.classList.remove('reading');
    replace(panel);
    before?.focus();
  };
  const open = (source, { assertion = null } = {}) => {
    before = document.activeElement;
    const passage = passageOf(source, assertion);
    panel.hidden = false;
    main.classList.add('reading');
    replace(panel, readerPanel(paperOf(source), [passage], passage, shut));
    panel.querySelector('h2').focus();
  };
  return { panel, open, shut };
}

// The words that say it, as the reader shows a passage.
export function passageOf(source, assertion = null) {
  return {
    passage_id: '', page: source.page, text: source.quote, highlights: [[0, Array.from(source.quote).length]],
    boxes: null, page_url: source.page_url, page_size: null, assertion,
  };
}

// A source names its document in one of two ways: whole, or by what a card shows of it.
export function paperOf(source) {
  if (typeof source.document === 'object') return source.document;
  return {
    id: source.document_id, title: source.document, type: source.document, event_date: source.event_date,
    author: source.author, organization: '', status: 'approved', version: 1, warning: '',
  };
}
