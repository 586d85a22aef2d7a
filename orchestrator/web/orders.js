// SPDX-License-Identifier: GPL-3.0-or-later
// Orders as forms. What takes a machine down wants its name typed; each form needs a reason and shows the netboot-ctl
// line that does the same. Every POST has an Idempotency-Key: a second press, or a lost answer, makes no second job.
import { change, may, Once, q } from './api.js';
import { line } from './cli.js';
import { announce, h } from './dom.js';
import { openForm } from './dialog.js';

const REASON = { name: 'reason', label: 'Reason', required: true, placeholder: 'INC-123: disk replaced',
  hint: 'Kept in the audit and shown in the history.' };

const KINDS = {
  reinstall: { title: 'Reinstall', submit: 'Reinstall', danger: true, image: 'reinstall',
    says: 'Installs the image over what is on its disk. The ticket works once; after the image was let go nothing is repeated by itself.' },
  rescue: { title: 'Rescue', submit: 'Boot the rescue system', danger: true, image: 'rescue',
    says: 'Restarts it into the rescue system. Its disk is left alone.' },
  live: { title: 'Live boot', submit: 'Boot live', danger: true, image: 'live',
    says: 'Restarts it into a live system. Its disk is left alone.' },
  reboot: { title: 'Reboot', submit: 'Reboot', danger: true, image: null,
    says: 'Asks the system to shut down, waits, then switches off and on. It starts from its disk.' },
};

const ORDER_KINDS = Object.keys(KINDS);

function typed(host) {
  return { name: 'confirm', label: h('span', null, 'Type ', h('strong', { class: 'mono' }, host), ' to confirm'), required: true,
    check: (v) => (v === host ? '' : 'not its name') };
}

/** A reinstall, rescue, live boot or reboot of one host; resolves to the job, or null. */
export async function order(kind, host, images) {
  const k = KINDS[kind];
  const once = new Once();
  const fitting = k.image ? images.filter((i) => i.kind === k.image) : [];
  const fields = [];
  if (k.image) {
    // A reinstall is of the host's own image or of one that somebody chose; the rest have a standard where there is but one.
    const own = kind === 'reinstall' ? fitting.find((i) => i.name === host.image) : (fitting.length === 1 ? fitting[0] : null);
    fields.push({ name: 'image', label: 'Image', required: true, value: own?.name || '',
      options: [...(own ? [] : [{ value: '', label: 'choose…' }]),
        ...fitting.map((i) => ({ value: i.name, label: i.name === host.image ? `${i.name} (its own)` : i.name }))] });
  } else {
    fields.push({ name: 'hard', label: 'At once, without asking the system to shut down', type: 'checkbox' });
  }
  fields.push({ ...REASON, focus: true }, typed(host.name));
  const answer = await openForm({
    title: `${k.title} ${host.name}`, danger: k.danger, submit: k.submit,
    intro: [h('p', null, k.says), k.image && !fitting.length ? h('p', { class: 'warn' }, `There is no image of kind ${k.image}.`) : null],
    fields,
    command: (v) => line([kind, host.name], { image: k.image ? v.image || 'IMAGE' : null, hard: v.hard, reason: v.reason || 'REASON' }),
    send: (v) => once.post('/jobs', { kind, hosts: host.name, reason: v.reason, ...(v.image ? { image: v.image } : {}),
      ...(v.hard ? { hard: true } : {}) }),
  });
  if (!answer) return null;
  announce(`${k.title} of ${host.name} is ordered`);
  return answer.jobs[0];
}

export async function cancel(job) {
  const answer = await openForm({
    title: `Cancel the ${job.kind} of ${job.host}`, danger: true, submit: 'Cancel the job', dismiss: 'Let it run',
    intro: h('p', null, 'What has been done to the machine by then stays done; the verdict will say what it was.'),
    fields: [{ ...REASON, focus: true }],
    command: (v) => line(['job', 'cancel', job.id], { reason: v.reason || 'REASON' }),
    send: (v) => change('POST', `/jobs/${q(job.id)}/cancel`, { reason: v.reason }),
  });
  if (answer) announce('the job is being cancelled');
  return answer;
}

export async function retry(job) {
  const once = new Once();
  const answer = await openForm({
    title: `Order the ${job.kind} of ${job.host} again`, danger: true, submit: 'Order it again',
    intro: h('p', null, `The same order as ${job.id}: image ${job.image || 'none'}.`),
    fields: [{ ...REASON, focus: true }, typed(job.host)],
    command: (v) => line(['job', 'retry', job.id], { reason: v.reason || 'REASON' }),
    send: (v) => once.post(`/jobs/${q(job.id)}/retry`, { reason: v.reason }),
  });
  if (answer) announce('ordered again');
  return answer;
}

export async function lock(host, on) {
  const verb = on ? 'lock' : 'unlock';
  const answer = await openForm({
    title: `${on ? 'Lock' : 'Unlock'} ${host.name}`, submit: on ? 'Lock' : 'Unlock',
    intro: h('p', null, on ? 'Every order for it is refused until it is unlocked.' : `Locked by ${host.locked?.by}: ${host.locked?.reason}`),
    fields: [{ ...REASON, focus: true }],
    command: (v) => line(['host', verb, host.name], { reason: v.reason || 'REASON' }),
    send: (v) => change('POST', `/hosts/${q(host.name)}/${verb}`, { reason: v.reason }),
  });
  if (answer) announce(`${host.name} is ${on ? 'locked' : 'unlocked'}`);
  return answer;
}

/** The buttons that the session's role may press; none for a viewer. */
export function orderButtons(host, row, job, { act, images, changed, started }) {
  if (!may('operator')) return [h('p', { class: 'hint' }, 'Signed in as a viewer: orders are given by operators.')];
  const buttons = [];
  const open = job && !job.ended;
  if (open) {
    buttons.push(h('button', { class: 'danger', type: 'button', onclick: async () => { if (await cancel(job)) changed(); } }, 'Cancel the job'));
  } else if (!host.locked) {
    for (const kind of ORDER_KINDS) {
      buttons.push(h('button', { type: 'button', class: kind === 'reinstall' ? 'danger' : '', onclick: (e) => act(e.currentTarget, async () => {
        const made = await order(kind, host, KINDS[kind].image ? await images() : []);
        if (made) started(made);
      }) }, `${KINDS[kind].title}…`));
    }
  }
  buttons.push(h('button', { type: 'button', class: 'quiet', onclick: async () => { if (await lock(host, !host.locked)) changed(); } },
    host.locked ? 'Unlock…' : 'Lock…'));
  return buttons;
}
