// For the administration: requests of heirs and partner. What an approval opens is chosen, and for how long.

import { h, button, field, named, replace, uid } from '../dom.js';
import { t, moment } from '../i18n.js';
import { call } from '../api.js';
import { badge, busy, confirm, failure } from '../parts.js';

const CATEGORIES = ['report', 'summary', 'biology', 'imaging', 'treatment', 'prevention', 'care_plan', 'certificate', 'directive', 'reimbursement', 'patient_note', 'other'];
const MONTH = 30 * 86_400_000; // milliseconds: what is proposed, and may be changed

export async function successionView(main) {
  const place = h('div.results', {}, busy());
  main.append(h('h1', {}, t('view.succession')), h('p', {}, t('succession.what')), place);
  const load = async () => {
    const { requests } = await call('GET', '/v1/reviews/succession');
    replace(place, requests.length ? h('ul.hits', {}, requests.map((each) => h('li', {}, request(each, load)))) : h('p.nothing', {}, t('reviews.none')));
  };
  await load();
}

function request(each, load) {
  const trouble = h('div', {});
  const boxes = CATEGORIES.map((name) => h('input', { type: 'checkbox', id: uid('category'), value: name }));
  const until = h('input', { type: 'date', required: true, value: new Date(Date.now() + MONTH).toISOString().slice(0, 10) });
  const decide = (approved) => async () => {
    const categories = approved ? boxes.filter((box) => box.checked).map((box) => box.value) : [];
    if (approved && !categories.length) return void boxes[0].focus();
    const act = t(approved ? 'succession.approve' : 'succession.refuse');
    if (await confirm(act, t(approved ? 'succession.approve.what' : 'succession.refuse.what'), { act, danger: !approved }) === null) return;
    try {
      await call('POST', `/v1/reviews/succession/${each.relation_id}`, { json: { approved, categories, valid_until: `${until.value}T23:59:59+01:00` } });
      await load();
    } catch (error) { replace(trouble, failure(error)); }
  };
  return h('article.hit', {},
    h('h2', {}, t(`succession.${each.kind}`), ' ', badge(t(`succession.${each.purpose}`))),
    h('dl.facts', {}, h('dt', {}, t('when')), h('dd', {}, moment(each.requested_at)), h('dt', {}, t('reviews.record')), h('dd', {}, h('code', {}, named(each.patient_id))),
      h('dt', {}, t('who')), h('dd', {}, h('code', {}, named(each.person)))),
    h('fieldset.categories', {}, h('legend', {}, t('succession.opens')), boxes.map((box) => h('label.check', { for: box.id }, box, t(`category.${box.value}`)))),
    field(t('grant.until'), until), trouble,
    h('div.row', {}, button(t('succession.approve'), decide(true), {}, 'button.primary'), button(t('succession.refuse'), decide(false), {}, 'button.danger')));
}
