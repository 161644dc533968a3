// What a professional keeps for their questions: searches and lists of terms, called by @name. About no patient.

import { h, button, field, plain, replace, say } from './dom.js';
import { t } from './i18n.js';
import { session } from './state.js';
import { call, Problem } from './api.js';
import { badge, confirm, failure } from './parts.js';

const CHIPS = 8; // names beside the box; the rest stands in the dialog

// A row under the box: one tap asks what is kept. `current()` is the question that may be kept; `ask(text)` asks.
export function savedRow(current, ask) {
  const row = h('div.saved-row', { role: 'group', 'aria-label': t('saved') });
  if (session.me.kind !== 'practitioner') return row;
  const paint = () => replace(row,
    session.saved.slice(0, CHIPS).map((each) => button(`@${plain(each.name)}`, () => ask(`@${each.name}`), { title: plain(content(each)) }, 'button.chip')),
    button(t('saved.manage'), () => openSaved(current(), ask, paint), {}, 'button.link'));
  load().then(paint, (error) => { if (!(error instanceof Problem)) throw error; }); // one searches without them
  return row;
}

async function load(again = false) {
  if (again || !session.saved) session.saved = (await call('GET', '/v1/searches')).searches;
}

function content({ query, terms }) {
  return query || terms.join(', ');
}

// As the service compares two names: without accents, capitals or signs.
function same(one, other) {
  const bare = (name) => name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  return bare(one) === bare(other);
}

// Names hold no blank.
function joined(name) {
  return name.trim().replace(/^@/, '').replace(/\s+/g, '-');
}

async function openSaved(question, ask, changed) {
  const list = h('ul.kept', {});
  const trouble = h('div', { 'aria-live': 'polite' });
  const close = () => { dialog.close(); dialog.remove(); };
  const tried = (run) => async () => {
    try {
      replace(trouble);
      await run();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      replace(trouble, failure(error));
    }
  };
  const renew = async () => {
    await load(true);
    paint();
    changed();
  };
  // Keeping under a name that is taken replaces what stood there: only when that is what was meant.
  const keep = async (name, what, own = null) => {
    const taken = session.saved.find((each) => same(each.name, name) && each.search_id !== own?.search_id);
    if (taken && await confirm(t('saved.taken', { name: plain(name) }), t('saved.taken.what', { content: plain(content(taken)) }), { act: t('saved.replace'), danger: true }) === null) return null;
    return call('POST', '/v1/searches', { json: { name, ...what } });
  };
  const rename = async (each, typed) => {
    const name = joined(typed);
    if (!name || name === each.name) return paint();
    const made = await keep(name, each.query ? { query: each.query } : { terms: each.terms }, each);
    if (made && made.search_id !== each.search_id) await call('DELETE', `/v1/searches/${each.search_id}`);
    if (made) say(t('saved.renamed', { name: plain(name) }));
    return renew();
  };
  const forget = async (each) => {
    if (await confirm(t('saved.forget.title', { name: plain(each.name) }), plain(content(each)), { act: t('saved.forget'), danger: true }) === null) return;
    await call('DELETE', `/v1/searches/${each.search_id}`);
    await renew();
    heading.focus();
  };
  const item = (each) => {
    const line = h('li', {});
    const shown = () => replace(line,
      h('div.grow', {}, button(`@${plain(each.name)}`, () => { close(); ask(`@${each.name}`); }, { 'aria-label': t('saved.run', { name: plain(each.name) }) }, 'button.link'),
        ' ', badge(t(each.query ? 'saved.search' : 'saved.list')), h('p.hint', { lang: 'fr' }, plain(content(each)))),
      h('div.row', {},
        button(t('saved.change'), () => fill(each), { 'aria-label': `${t('saved.change')} @${plain(each.name)}` }),
        button(t('saved.rename'), naming, { 'aria-label': `${t('saved.rename')} @${plain(each.name)}` }),
        button(t('saved.forget'), tried(() => forget(each)), { 'aria-label': `${t('saved.forget')} @${plain(each.name)}` })));
    const naming = () => {
      const input = h('input', { type: 'text', value: each.name, maxlength: '40', autocomplete: 'off', required: true });
      replace(line, h('form.row', { on: { submit: (event) => { event.preventDefault(); tried(() => rename(each, input.value))(); } } },
        field(t('saved.name'), input), h('button.primary', { type: 'submit' }, t('saved.rename')), button(t('cancel'), shown)));
      input.select();
      input.focus();
    };
    shown();
    return line;
  };
  const name = h('input', { type: 'text', maxlength: '40', autocomplete: 'off', required: true, autofocus: Boolean(question) });
  const text = h('textarea', { rows: '3', maxlength: '2000', required: true, lang: 'fr' });
  const many = h('input', { type: 'checkbox', id: 'saved-terms' });
  let edited = null;
  const fill = (each) => {
    edited = each;
    name.value = each.name;
    many.checked = !each.query;
    text.value = each.query || each.terms.join('\n');
    text.focus();
  };
  const make = async () => {
    const terms = text.value.split('\n').map((each) => each.trim()).filter(Boolean);
    const made = await keep(joined(name.value), many.checked ? { terms } : { query: text.value.replaceAll('\n', ' ').trim() }, edited && same(edited.name, joined(name.value)) ? edited : null);
    if (!made) return;
    edited = null;
    name.value = '';
    text.value = '';
    many.checked = false;
    say(t('saved.kept', { name: plain(made.name) }));
    await renew();
    heading.focus();
  };
  const paint = () => replace(list, session.saved.length ? session.saved.map(item) : h('li', {}, h('p', {}, t('saved.none'))));
  const heading = h('h2', { id: 'saved-title', tabindex: '-1', autofocus: !question }, t('saved'));
  const dialog = h('dialog.saved', { 'aria-labelledby': 'saved-title', on: { cancel: (event) => { event.preventDefault(); close(); } } },
    h('div.row.between', {}, heading, button(t('close'), close, {}, 'button.quiet')), trouble, list,
    h('form', { on: { submit: (event) => { event.preventDefault(); tried(make)(); } } },
      h('h3', {}, t('saved.new')), field(t('saved.name'), name, t('saved.name.hint')), field(t('saved.text'), text, t('saved.text.hint')),
      h('label.check', { for: 'saved-terms' }, many, t('saved.terms')),
      h('div.row.end', {}, h('button.primary', { type: 'submit' }, t('saved.keep')))));
  text.value = question;
  paint();
  document.getElementById('layer').append(dialog);
  dialog.showModal();
}
