// Results over time: a series an analyte, drawn with its range and unit, and under the drawing the table it comes from.

import { h, s, button, plain, replace, uid } from '../dom.js';
import { t, current, partial } from '../i18n.js';
import { session } from '../state.js';
import { ofPatient } from '../api.js';
import { busy, french, notice } from '../parts.js';
import { pointTable, written } from '../points.js';
import { sourcePanel } from '../source.js';

const WIDEST = 720;
const FEW = 12; // points that can each say their value without covering the next one's
const HEIGHT = 240;
const EDGE = { left: 56, right: 16, top: 16, bottom: 32 };

export async function labsView(main) {
  const kept = (session.kept.labs ??= { chosen: null, typed: '' });
  const place = h('div', {}, busy());
  main.append(h('h1', {}, t('view.labs')), place);
  const answer = await ofPatient('GET', '/observations');
  const { panel, open } = sourcePanel(main);
  const list = h('ul.analytes', {});
  const shown = h('div.series', { 'aria-live': 'polite' });
  const id = uid('analyte');
  const box = h('input', { type: 'search', id, autocomplete: 'off', value: kept.typed, 'data-first': '', on: { input: () => { kept.typed = box.value; names(); } } });
  const choose = (series) => { kept.chosen = series.analyte; names(); replace(shown, seriesView(series, open, shown.clientWidth)); };
  const names = () => replace(list, answer.series.filter((each) => folded(each.analyte).includes(folded(kept.typed)))
    .map((each) => h('li', {}, button(label(each), () => choose(each), { 'aria-pressed': String(each.analyte === kept.chosen) }, 'button.analyte'))));
  if (!answer.series.length) return void replace(place, h('p.nothing', {}, t('labs.none')), answer.notice ? notice(french(answer.notice)) : null);
  names();
  replace(place, answer.notice ? notice(french(answer.notice)) : null, h('div.labs', {},
    h('div.results', {}, h('div.field', {}, h('label', { for: id }, t('labs.find')), box), list), h('div.desk', {}, shown, panel)));
  choose(answer.series.find((each) => each.analyte === kept.chosen) ?? answer.series.find((each) => each.points.length > 1) ?? answer.series[0]);
  box.focus();
  return undefined;
}

function folded(text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

function label(series) {
  const last = series.points.at(-1);
  return [h('strong', { lang: 'fr' }, plain(series.analyte)), h('span', {}, written(last), ' · ', partial(last.date))];
}

function seriesView(series, open, room) {
  const drawn = series.points.filter((each) => each.value !== null && each.date && Number.isFinite(Number(each.value)));
  return [
    h('h2', { lang: 'fr' }, plain(series.analyte), ' ', h('span.hint', {}, plain(unitOf(series.unit)))),
    drawn.length > 1 ? chart(series, drawn, Math.max(280, Math.min(WIDEST, room - 20))) : h('p.hint', {}, t('labs.few')),
    pointTable(series.analyte, [...series.points].reverse(), open),
  ];
}

// A line through the points over their dates, the range as a band behind. Values say themselves in the table below.
function chart(series, points, width) {
  const at = points.map((each) => time(each.date));
  const limits = points.flatMap((each) => [each.low, each.high]).filter((each) => each !== null).map(Number);
  const values = points.map((each) => Number(each.value));
  const [low, high] = spread([...values, ...limits]);
  const [first, last] = spread(at);
  const x = (value) => EDGE.left + ((value - first) / (last - first)) * (width - EDGE.left - EDGE.right);
  const y = (value) => HEIGHT - EDGE.bottom - ((value - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const path = points.map((each, number) => `${number ? 'L' : 'M'}${x(at[number]).toFixed(1)} ${y(values[number]).toFixed(1)}`).join('');
  const from = partial(points[0].date);
  const to = partial(points.at(-1).date);
  return h('figure.chart', {},
    s('svg', { viewBox: `0 0 ${width} ${HEIGHT}`, role: 'img', 'aria-label': t('labs.chart', { analyte: plain(series.analyte), from, to, count: points.length }) },
      bands(points, at, x, y, [low, high]),
      ticks(low, high).map((each) => [
        s('line.grid', { x1: EDGE.left, x2: width - EDGE.right, y1: y(each), y2: y(each) }),
        s('text', { x: EDGE.left - 6, y: y(each) + 4, 'text-anchor': 'end' }, number(each)),
      ]),
      s('path.trend', { d: path }),
      points.map((each, place) => s(each.flag ? 'circle.point.flagged' : 'circle.point', { cx: x(at[place]), cy: y(values[place]), r: each.flag ? 6 : 4 },
        s('title', {}, `${partial(each.date)} : ${written(each)}`))),
      points.length > Math.min(FEW, width / 48) ? null : points.map((each, place) => s('text.value', { x: x(at[place]), y: y(values[place]) - 10, 'text-anchor': 'middle' }, plain(each.original))),
      s('text', { x: EDGE.left, y: HEIGHT - 8 }, from), s('text', { x: width - EDGE.right, y: HEIGHT - 8, 'text-anchor': 'end' }, to)),
    h('figcaption.hint', {}, t('labs.legend', { unit: plain(unitOf(series.unit)) })));
}

// The range of each point, as wide as half the way to its neighbours: laboratories change, and so do their ranges.
function bands(points, at, x, y, [low, high]) {
  return points.map((each, place) => {
    if (each.low === null && each.high === null) return null;
    const from = place ? (at[place - 1] + at[place]) / 2 : at[place];
    const to = place < at.length - 1 ? (at[place] + at[place + 1]) / 2 : at[place];
    const top = y(each.high === null ? high : Number(each.high));
    const bottom = y(each.low === null ? low : Number(each.low));
    return s('rect.range', { x: x(from), width: Math.max(2, x(to) - x(from)), y: top, height: Math.max(0, bottom - top) });
  });
}

function spread(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low - air, high + air];
}

// Round values to read a height by: 1, 2 or 5 of a power of ten, some four of them.
function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, place) => (first + place) * step);
}

// A UCUM code as a laboratory prints it.
function unitOf(code) {
  return code.replace(/(^|\/)u(?=[a-zA-Z[])/g, '$1µ').replaceAll('[IU]', 'UI').replace(/10\*(\d+)/g, (_, power) => `10${[...power].map((each) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[each]).join('')}`).replace('m[H2O]', 'mH₂O').replaceAll(/[[\]{}]/g, '');
}

function time(date) {
  const [year, month = 1, date_ = 1] = date.split('-').map(Number);
  return Date.UTC(year, month - 1, date_);
}

function number(value) {
  return new Intl.NumberFormat(current() === 'fr' ? 'fr-FR' : 'en-GB', { maximumSignificantDigits: 3 }).format(value);
}
