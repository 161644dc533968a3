// For administration: whether each part of the service works, tried now.

import { h, replace } from '../dom.js';
import { t } from '../i18n.js';
import { badge, busy, french, table } from '../parts.js';

export async function serviceView(main) {
  const state = h('div', {}, busy());
  main.append(h('h1', {}, t('view.service')), state);
  const answer = await fetch('/readyz', { cache: 'no-store' });
  const { status, parts } = await answer.json();
  replace(state, h('p', {}, badge(t(`ready.${status}`), status === 'ready' ? 'good' : 'bad')),
    table(t('service.parts'), [t('service.part'), t('service.state'), t('service.detail')], Object.entries(parts).map(([name, part]) => [
      t(`part.${name}`), badge(part.ok ? t('service.ok') : t('service.bad'), part.ok ? 'good' : 'bad'), french(part.detail)])));
}
