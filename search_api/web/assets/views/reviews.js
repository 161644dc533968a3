// For the auditor: each break-glass, to be judged justified or not. Nothing of a record is read here.

import { h, button, named, replace } from '../dom.js';
import { t, dayIn, moment } from '../i18n.js';
import { call } from '../api.js';
import { busy, failure, table } from '../parts.js';
import { askJournal } from './audit.js';

export async function reviewsView(main, frame) {
  const trouble = h('div', {});
  const place = h('div', {}, busy());
  const kept = { all: false };
  const every = h('input', { type: 'checkbox', id: 'reviews-all', on: { change: () => { kept.all = every.checked; load(); } } });
  main.append(h('h1', {}, t('view.reviews')), h('p', {}, t('reviews.what')),
    h('label.check', { for: 'reviews-all' }, every, t('reviews.all')), trouble, place);
  const judge = (id, verdict) => async () => {
    try {
      await call('POST', `/v1/reviews/break-glass/${id}`, { json: { verdict } });
      await load();
    } catch (error) { replace(trouble, failure(error)); }
  };
  const read = (each) => () => askJournal(frame, {
    patient: each.patient_id, who: each.practitioner, since: dayIn(each.opened_at), until: dayIn(each.valid_until),
  });
  const load = async () => {
    const { emergencies } = await call('GET', '/v1/reviews/break-glass', { query: { unreviewed: String(!kept.all) } });
    replace(place, emergencies.length ? table(t('view.reviews'), [t('when'), t('who'), t('reason'), t('reviews.record'), t('act')], emergencies.map((each) => [
      moment(each.opened_at), named(each.practitioner), t(`glass.${each.reason}`), h('span', {}, h('code', {}, each.patient_id.slice(0, 8)), ' ', button(t('reviews.read'), read(each), {}, 'button.link')),
      each.verdict ? t(`verdict.${each.verdict}`) : h('div.row', {}, ['justified', 'unjustified'].map((verdict) => button(t(`verdict.${verdict}`), judge(each.emergency_id, verdict)))),
    ])) : h('p.nothing', {}, t('reviews.none')));
  };
  await load();
}
