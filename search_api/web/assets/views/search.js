// One box; the question as it was understood; documents with their passages; what was searched, always in sight.

import { h, button, replace, plain, say } from '../dom.js';
import { t } from '../i18n.js';
import { session } from '../state.js';
import { ofPatient, Problem, Stale } from '../api.js';
import { failure, busy, french } from '../parts.js';
import { hitList } from '../hits.js';
import { readerPanel } from '../reader.js';
import { coverageBar } from '../coverage.js';
import { facetBar, narrowing } from '../facets.js';
import { savedRow } from '../saved.js';
import { valueList } from '../points.js';
import { paperOf, passageOf } from '../source.js';

export function searchView(main) {
  const kept = (session.kept.search ??= { typed: '', asked: '', filters: {}, answer: null, hits: [], open: null });
  const box = h('input.ask', {
    type: 'search', name: 'query', autocomplete: 'off', spellcheck: 'false', maxlength: '2000', 'data-first': '',
    'aria-label': t('ask'), placeholder: t('ask.example'), value: kept.typed, enterkeyhint: 'search',
    on: { input: () => { kept.typed = box.value; } },
  });
  const told = h('div.told', {});
  const facets = h('div.facets', {});
  const results = h('div.results', {});
  const reader = h('aside.reader', { 'aria-label': t('reader'), hidden: true });
  const coverage = h('div.coverage', {});

  const ask = async (more = false) => {
    if (!kept.typed.trim()) return void box.focus();
    if (!more) Object.assign(kept, { asked: kept.typed, hits: [], values: [], open: null });
    if (!more) { replace(results, busy()); show(); }
    try {
      const answer = await ofPatient('POST', '/search', { json: question(kept, more), query: states(kept) });
      kept.answer = answer;
      kept.hits.push(...answer.hits);
      if (!more) kept.values = answer.values;
      paint();
      say(t('results', { count: kept.hits.length }));
    } catch (error) {
      if (error instanceof Stale) return;
      if (!(error instanceof Problem)) throw error;
      replace(results, failure(error));
    }
  };
  const reask = (typed) => { kept.typed = typed; box.value = typed; ask(); };
  const narrow = (filters) => { kept.filters = filters; if (kept.asked) { kept.typed = kept.asked; box.value = kept.asked; ask(); } };
  const open = (hit, passage) => { kept.open = { hit, passage }; show(); };
  const openSource = (source) => {
    const passage = passageOf(source);
    open({ document: paperOf(source), passages: [passage] }, passage);
  };
  const shut = () => { kept.open = null; show(); };

  function show() {
    main.classList.toggle('reading', Boolean(kept.open));
    reader.hidden = !kept.open;
    replace(reader, kept.open ? readerPanel(kept.open.hit.document, kept.open.hit.passages, kept.open.passage, shut) : null);
    for (const each of results.querySelectorAll('.passage')) {
      each.setAttribute('aria-pressed', String(each.dataset.id === kept.open?.passage?.passage_id));
    }
    if (kept.open) reader.querySelector('h2').focus({ preventScroll: innerWidth > 900 });
  }

  function paint() {
    const { answer } = kept;
    replace(told, answer ? understood(answer, reask) : null);
    replace(facets, facetBar(answer?.facets, kept.filters, narrow));
    replace(coverage, answer ? coverageBar(answer.coverage, answer.degraded) : null);
    if (!answer) return replace(results, h('p.hint', {}, t('ask.what')));
    return replace(results, valueList(kept.values, openSource), hitList(kept.hits, open),
      answer.next ? button(t('more'), () => ask(true), {}, 'button.more') : null);
  }

  main.classList.add('search');
  main.append(
    h('h1.unseen', {}, t('view.search')),
    h('form.askbar', { role: 'search', on: { submit: (event) => { event.preventDefault(); ask(); } } },
      box, h('button.primary', { type: 'submit' }, t('ask.go'))),
    savedRow(() => [kept.asked || kept.typed, ...narrowing(kept.filters)].join(' ').trim(), reask), told, facets, h('div.desk', {}, results, reader), coverage,
  );
  paint();
  show();
  if (!kept.open) box.focus();
}

function question(kept, more) {
  const { filters } = kept;
  return {
    query: [kept.asked, ...narrowing(filters)].join(' '),
    limit: 10,
    facets: true,
    sort: filters.sort ?? 'relevance',
    new_only: Boolean(filters.fresh),
    ...(filters.type ? { type_codes: [filters.type] } : {}),
    ...(filters.year ? { date_from: `${filters.year}-01-01`, date_to: `${filters.year}-12-31` } : {}),
    ...(more && kept.answer?.next ? { cursor: kept.answer.next } : {}),
  };
}

function states(kept) {
  return kept.filters.all ? { all_states: 'true' } : {};
}

// The question in words: what was read into it, what else was searched, and what may have been meant.
function understood(answer, reask) {
  const { corrections, expansions, suggestions, understood: said, query } = answer;
  const meant = (each) => query.split(each.from).join(each.to);
  return [
    said.length ? h('p', {}, t('understood'), ' ', said.map((each) => [french(plain(each), 'span.said'), ' '])) : null,
    corrections.length ? h('p', {}, corrections.map((each) => [t('also', { from: plain(each.from), to: plain(each.to) }), ' '])) : null,
    expansions.length ? h('p.hint', {}, t('expanded'), ' ', french(expansions.map((each) => plain(each.to)).join(', '))) : null,
    suggestions.length ? h('p', {}, t('meant'), ' ', suggestions.map((each) =>
      button(plain(each.to), () => reask(meant(each)), { lang: 'fr' }, 'button.link'))) : null,
  ];
}
