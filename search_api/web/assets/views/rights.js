// What a patient decides: whom they let in, whom they refuse, what they oppose. Each act says its consequence first.

import { h, button, field, named, replace } from '../dom.js';
import { t, day, moment } from '../i18n.js';
import { ofPatient } from '../api.js';
import { badge, busy, confirm, failure, save, table } from '../parts.js';

const OPPOSITIONS = ['break_glass', 'centre_15', 'heirs'];

export async function rightsView(main, frame) {
  const trouble = h('div', {});
  const place = h('div', {}, busy());
  main.append(h('h1', {}, t('view.rights')), h('p', {}, t('rights.what')), trouble, place);
  const act = (run) => async () => {
    replace(trouble);
    try {
      if (await run() !== false) await load();
    } catch (error) {
      replace(trouble, failure(error));
    }
  };
  const load = async () => {
    const [grants, blocks, oppositions, record] = await Promise.all(
      ['/grants', '/blocks', '/oppositions', '/record'].map((rest) => ofPatient('GET', rest)));
    replace(place, allowed(grants.grants, act), refused(blocks.practitioners, act),
      opposed(oppositions.oppositions, act), carrying(act), closing(record.state, act, frame));
  };
  await load();
}

function allowed(grants, act) {
  const live = grants.filter((each) => !each.revoked_at && (!each.valid_until || new Date(each.valid_until) > new Date()));
  const revoke = (each) => act(async () => {
    if (await confirm(t('revoke.title', { who: each.grantee_name || each.grantee }), t('revoke.what'), { act: t('revoke'), danger: true }) === null) return false;
    return ofPatient('DELETE', `/grants/${each.grant_id}`);
  });
  return h('section', {}, h('h2', {}, t('rights.allowed')),
    live.length ? table(t('rights.allowed'), [t('who'), t('grant.kind'), t('grant.what'), t('grant.until'), t('act')], live.map((each) => [
      who(each), t(`grant.${each.kind}`), each.categories ? each.categories.map((one) => t(`category.${one}`)).join(', ') : t('grant.all'),
      each.valid_until ? day(each.valid_until) : t('grant.forever'), button(t('revoke'), revoke(each), { 'aria-label': t('revoke.title', { who: each.grantee_name || each.grantee }) }),
    ])) : h('p', {}, t('rights.nobody')), adding(act));
}

function who(grant) {
  return grant.grantee_name ? [named(grant.grantee_name), h('span.hint', {}, ` ${grant.grantee}`)] : named(grant.grantee);
}

function adding(act) {
  const rpps = digits();
  const kind = h('select', {}, ['consent', 'medecin_traitant', 'as_traitant'].map((each) => h('option', { value: each }, t(`grant.${each}`))));
  const until = h('input', { type: 'date' });
  const send = act(() => ofPatient('POST', '/grants', { json: {
    kind: kind.value, grantee_kind: 'practitioner', grantee: rpps.value.trim(),
    ...(until.value ? { valid_until: `${until.value}T23:59:59+01:00` } : {}),
  } }));
  return h('details', {}, h('summary', {}, t('grant.add')), h('p.hint', {}, t('grant.consequence')),
    h('form', { on: { submit: (event) => { event.preventDefault(); send(); } } },
      field(t('rpps'), rpps, t('rpps.hint')), field(t('grant.kind'), kind), field(t('grant.until'), until, t('grant.until.hint')),
      h('button.primary', { type: 'submit' }, t('grant.add'))));
}

function refused(blocked, act) {
  const rpps = digits();
  const send = act(async () => {
    if (await confirm(t('block.title', { who: rpps.value }), t('block.what'), { act: t('block'), danger: true }) === null) return false;
    return ofPatient('POST', '/blocks', { json: { practitioner: rpps.value.trim() } });
  });
  return h('section', {}, h('h2', {}, t('rights.blocked')),
    blocked.length ? h('ul.plain', {}, blocked.map((each) => h('li.row', {}, named(each),
      button(t('unblock'), act(() => ofPatient('DELETE', `/blocks/${each}`)))))) : h('p', {}, t('rights.noblock')),
    h('details', {}, h('summary', {}, t('block')), h('p.hint', {}, t('block.what')),
      h('form', { on: { submit: (event) => { event.preventDefault(); send(); } } },
        field(t('rpps'), rpps, t('rpps.hint')), h('button.danger', { type: 'submit' }, t('block')))));
}

function digits() {
  return h('input', { type: 'text', inputmode: 'numeric', pattern: '[0-9]{11}', maxlength: '11', autocomplete: 'off', required: true });
}

function opposed(found, act) {
  const since = new Map(found.map((each) => [each.kind, each.recorded_at]));
  return h('section', {}, h('h2', {}, t('rights.opposed')), h('ul.plain', {}, OPPOSITIONS.map((kind) => h('li', {},
    h('p', {}, h('strong', {}, t(`oppose.${kind}`)), ' ', since.has(kind) ? badge(t('oppose.since', { date: moment(since.get(kind)) }), 'warn') : null),
    h('p.hint', {}, t(`oppose.${kind}.what`)),
    since.has(kind)
      ? button(t('withdraw'), act(() => ofPatient('DELETE', `/oppositions/${kind}`)), { 'aria-label': `${t('withdraw')} : ${t(`oppose.${kind}`)}` })
      : button(t('oppose'), act(async () => {
        if (await confirm(t(`oppose.${kind}`), t(`oppose.${kind}.what`), { act: t('oppose'), danger: true }) === null) return false;
        return ofPatient('POST', '/oppositions', { json: { kind } });
      }), { 'aria-label': `${t('oppose')} : ${t(`oppose.${kind}`)}` })))));
}

// The person's own copy: everything that they may see, as one archive.
function carrying(act) {
  const run = act(async () => {
    if (await confirm(t('export'), t('export.what'), { act: t('export') }) === null) return false;
    save(await ofPatient('GET', '/export', { blob: true }), 'dossier.zip');
    return false;
  });
  return h('section', {}, h('h2', {}, t('export.title')), h('p.hint', {}, t('export.what')), button(t('export'), run));
}

function closing(state, act, frame) {
  const closed = state === 'closed';
  const run = act(async () => {
    if (closed) return ofPatient('DELETE', '/closure');
    if (await confirm(t('closure'), t('closure.what'), { act: t('closure'), danger: true }) === null) return false;
    return ofPatient('POST', '/closure');
  });
  return h('section', {}, h('h2', {}, t('closure.title')), h('p', {}, closed ? t('closure.closed') : t('closure.open')),
    h('p.hint', {}, t('closure.what')), h('div.row', {}, button(closed ? t('reopen') : t('closure'), run, {}, closed ? 'button.primary' : 'button.danger'),
      button(t('journal.see'), () => frame.go('journal'))));
}
