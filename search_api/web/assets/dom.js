// Elements out of values. Text only ever becomes text: nothing here, or anywhere in the page, parses markup.

const SVG = 'http://www.w3.org/2000/svg';
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

// What a document or a name says, without the marks that turn the text around it (bidi) or that cannot be seen.
export function plain(text) {
  return String(text ?? '').replace(UNSEEN, '');
}

// h('button.primary', { type: 'button', on: { click } }, 'text', child…). null, undefined and false are left out.
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split('.');
  return fill(document.createElement(tag), classes, props, children);
}

// The same for SVG.
export function s(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split('.');
  return fill(document.createElementNS(SVG, tag), classes, props, children);
}

function fill(element, classes, props, children) {
  if (classes.length) element.classList.add(...classes);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'on') for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
    else if (name === 'value') element.value = value;
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...nodes(children));
  return element;
}

function nodes(children) {
  return children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false);
}

export function replace(parent, ...children) {
  parent.replaceChildren(...nodes(children));
  return parent;
}

// A name or a title of somebody else's making: cleaned, and isolated from the direction of the text around it.
export function named(text, spec = 'bdi') {
  return h(spec, {}, plain(text));
}

// Lines that the page of the document broke in mid-sentence flow again; lines that begin something stay lines.
function flowing(text) {
  return plain(text).replace(/\s*\n\s*(?=[\p{Ll}\d(])/gu, ' ').replace(/\s*\n\s*/g, '\n');
}

// Text with some ranges marked. Ranges count code points, as the API does.
export function marked(text, ranges) {
  const points = Array.from(text);
  const parts = [];
  let reached = 0;
  for (const [start, end] of ranges) {
    if (start < reached) continue;
    parts.push(flowing(points.slice(reached, start).join('')));
    parts.push(h('mark', {}, plain(points.slice(start, end).join(''))));
    reached = end;
  }
  parts.push(flowing(points.slice(reached).join('')));
  return parts;
}

// Said by a screen reader, shown to nobody.
export function say(text) {
  const voice = document.getElementById('voice');
  voice.textContent = '';
  setTimeout(() => { voice.textContent = text; }, 50);
}

let serial = 0;
export function uid(prefix) {
  serial += 1;
  return `${prefix}-${serial}`;
}

// A labelled field: the label stands above, the hint below and is read with it.
export function field(label, input, hint = null) {
  input.id ||= uid('f');
  const note = hint && h('p.hint', { id: `${input.id}-hint` }, hint);
  if (note) input.setAttribute('aria-describedby', note.id);
  return h('div.field', {}, h('label', { for: input.id }, label), input, note);
}

export function button(label, run, props = {}, spec = 'button') {
  return h(spec, { type: 'button', ...props, on: { click: run } }, label);
}
