// French and English. The language is a preference of this browser, and the only thing the page ever stores.

import { fr } from './fr.js';
import { en } from './en.js';

const BOOKS = { fr, en };
let language = kept() ?? (navigator.language.startsWith('en') ? 'en' : 'fr');

function kept() {
  try {
    const found = localStorage.getItem('language');
    return Object.hasOwn(BOOKS, found ?? '') ? found : null;
  } catch {
    return null; // storage is closed to the page: the browser's own language
  }
}

export function current() {
  return language;
}

export function choose(next) {
  language = next;
  document.documentElement.lang = next;
  try { localStorage.setItem('language', next); } catch { /* it is asked again next time */ }
}

// The sentence of a key; {name} stands for a value. `count` picks "key.one" when it is 1 and there is one.
export function t(key, values = {}) {
  const book = BOOKS[language];
  const one = values.count === 1 ? book[`${key}.one`] : undefined;
  const text = one ?? book[key] ?? BOOKS.fr[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

export function has(key) {
  return Object.hasOwn(BOOKS[language], key);
}

export function day(iso) {
  if (!iso) return t('undated');
  const [year, month, date] = iso.slice(0, 10).split('-').map(Number);
  return new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', { dateStyle: 'medium' })
    .format(new Date(year, month - 1, date));
}

// A date that is known to the year, the month or the day: "2019", "2019-02", "2019-02-24".
export function partial(date) {
  if (!date) return t('undated');
  if (date.length > 7) return day(date);
  if (date.length === 4) return date;
  const [year, month] = date.split('-').map(Number);
  return new Intl.DateTimeFormat(language === 'fr' ? 'fr-FR' : 'en-GB', { month: 'short', year: 'numeric' }).format(new Date(year, month - 1, 1));
}

// How long ago that was, in the unit that matters.
export function ago(date, now = new Date()) {
  const [year, month = 1, date_ = 1] = date.split('-').map(Number);
  const days = Math.floor((now - new Date(year, month - 1, date_)) / 86_400_000);
  const words = new Intl.RelativeTimeFormat(language, { numeric: 'always' });
  const far = Math.abs(days);
  if (far < 31) return words.format(-days, 'day');
  if (far < 365) return words.format(-Math.trunc(days / 30.44), 'month');
  return words.format(-Math.trunc(days / 365.25), 'year');
}

export function moment(iso) {
  const tag = language === 'fr' ? 'fr-FR' : 'en-GB';
  const at = new Date(iso);
  const date = new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'long', year: 'numeric' }).format(at);
  const time = new Intl.DateTimeFormat(tag, { hour: '2-digit', minute: '2-digit' }).format(at);
  return t('moment', { date, time: language === 'fr' ? time.replace(':', ' h ') : time });
}

// The calendar day of an instant in Paris, as the service and a date field write it: "2026-03-01".
export function dayIn(iso) {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/Paris' }).format(new Date(iso));
}

export function age(iso, now = new Date()) {
  const [year, month, date] = iso.slice(0, 10).split('-').map(Number);
  const before = now.getMonth() + 1 < month || (now.getMonth() + 1 === month && now.getDate() < date);
  return now.getFullYear() - year - (before ? 1 : 0);
}

document.documentElement.lang = language;
