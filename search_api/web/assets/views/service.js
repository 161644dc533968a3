// For who keeps the service: whether each part works, tried now; what waits, what was refused, where the index is.

import { h, button, replace } from '../dom.js';
import { t, has, moment } from '../i18n.js';
import { session } from '../state.js';
import { call } from '../api.js';
import { badge, busy, failure, french, table } from '../parts.js';

const PAUSE = 5000; // milliseconds between two looks while an index is being built

export async function serviceView(main) {
  const parts = h('div', {}, busy());
  const work = h('div', {}, busy());
  main.append(h('h1', {}, t('view.service')), parts, work);
  const look = async () => {
    const answer = await fetch('/readyz', { cache: 'no-store' });
    const { status, parts: each } = await answer.json();
    replace(parts, h('p', {}, badge(t(`ready.${status}`), status === 'ready' ? 'good' : 'bad'), ' ', button(t('service.again'), look)), table(
      t('service.parts'), [t('service.part'), t('service.state'), t('service.detail')], Object.entries(each).map(([name, part]) => [
        t(`part.${name}`), badge(part.ok ? t('service.ok') : t('service.bad'), part.ok ? 'good' : 'bad'), french(part.detail)])));
    await inHand(work).catch((error) => replace(work, failure(error)));
  };
  await look();
}

async function inHand(place) {
  const { me } = session;
  const found = await call('GET', '/v1/service/work');
  replace(place,
    h('h2', {}, t('work.documents')), counts(t('work.documents'), t('service.state'), found.documents, 'state'),
    h('h2', {}, t('work.jobs')), counts(t('work.jobs'), t('service.state'), found.jobs, 'job'),
    h('p', {}, found.oldest_waiting ? t('work.oldest', { when: moment(found.oldest_waiting) }) : t('work.nothing')),
    h('h2', {}, t('work.refused')), found.refused.length ? table(t('work.refused'), [t('work.stage'), t('work.code'), t('work.count')],
      found.refused.map((each) => [each.stage, h('code', {}, each.code), String(each.count)])) : h('p', {}, t('work.norefused')),
    h('h2', {}, t('work.index')), found.index.map(generation));
  const building = found.index.some((each) => !each.serving && each.followed < each.total);
  if (building) setTimeout(() => { if (place.isConnected && session.me === me) inHand(place).catch(() => {}); }, PAUSE);
}

function counts(caption, head, found, prefix) {
  return table(caption, [head, t('work.count')], Object.entries(found).map(([name, count]) =>
    [has(`${prefix}.${name}`) ? t(`${prefix}.${name}`) : name, String(count)]));
}

// How far a generation has followed the changes; one that is being built has a bar.
function generation(each) {
  const part = each.total ? Math.floor((100 * each.followed) / each.total) : 100;
  return h('p', {}, h('code', {}, each.name), ' ', badge(t(each.serving ? 'work.serving' : 'work.building'), each.serving ? 'good' : 'warn'), ' ',
    t('work.followed', { followed: each.followed, total: each.total, part }),
    each.serving ? null : h('progress', { max: '100', value: part, 'aria-label': t('work.building') }));
}
