// SPDX-License-Identifier: GPL-3.0-or-later
// What people do to a rollout, as forms: pause, resume, abort, retry what failed, approve. Each needs a reason and shows the netboot-ctl
// line that does the same; a key with each POST, so that one sent again after a lost answer does nothing twice.
import { may, Once, q } from './api.js';
import { line } from './cli.js';
import { announce, h } from './dom.js';
import { openForm } from './dialog.js';
import { destructive, verbs, work } from './rollout_model.js';

const REASON = { name: 'reason', label: 'Reason', required: true, placeholder: 'INC-123: mended', hint: 'Kept in the audit.', focus: true };
const WINDOW = { name: 'window', label: 'Window in minutes', type: 'number', placeholder: '240',
  hint: 'So long it may begin hosts from now on. Needed once its own window is over.',
  check: (v) => (v === '' || (/^[0-9]+$/.test(v) && Number(v) > 0) ? '' : 'no number of minutes') };

const VERBS = {
  approve: { title: 'Approve', submit: 'Approve it', says: 'You are the second person: once you approve it begins by itself when its window opens.' },
  pause: { title: 'Pause', submit: 'Pause it', says: 'No more hosts are begun. What runs is finished.' },
  resume: { title: 'Resume', submit: 'Go on', window: true, says: 'Deferred hosts wait for their turn again, and failures so far are forgiven.' },
  'retry-failed': { title: 'Try again what failed', submit: 'Try again', window: true, danger: true, says: 'Hosts that failed or were lost get the same once more, and a rollout that halted goes on.' },
  abort: { title: 'Abort', submit: 'Abort it', dismiss: 'Let it run', danger: true, says: 'No more hosts are begun, and it cannot be resumed. What runs is finished.' },
};

// What could lose data is asked for as it was when it was ordered: by the number of hosts.
function typed(r) {
  const n = String(r.counts.failed + r.counts.lost);
  return { name: 'confirm', label: h('span', null, 'Type the number of hosts, ', h('strong', null, n), ', to confirm'), required: true,
    check: (v) => (v === n ? '' : 'not their number') };
}

/** Resolves to the rollout as it is then, or null. */
export async function act(verb, r) {
  const v = VERBS[verb];
  const once = new Once();
  const seconds = (values) => (values.window ? Number(values.window) * 60 : 0);
  const answer = await openForm({
    title: `${v.title}: ${work(r)} of ${r.hosts}`, danger: v.danger, submit: v.submit, dismiss: v.dismiss,
    intro: h('p', null, v.says), fields: [REASON, ...(v.window ? [WINDOW] : []), ...(verb === 'retry-failed' && destructive(r) ? [typed(r)] : [])],
    command: (values) => line(['rollout', verb, r.id], { window: values.window ? `${values.window}m` : null, reason: values.reason || 'REASON', yes: verb === 'retry-failed' && destructive(r) }),
    send: (values) => once.post(`/rollouts/${q(r.id)}/${verb}`, { reason: values.reason, ...(seconds(values) ? { window_s: seconds(values) } : {}) }),
  });
  if (answer) announce(`the rollout is ${answer.state}`);
  return answer;
}

/** The buttons that the session's role may press in that state. */
export function buttons(r, changed) {
  if (!may('operator')) return [];
  return verbs(r).map((verb) => h('button', { type: 'button', class: VERBS[verb].danger ? 'danger' : verb === 'approve' ? 'primary' : '',
    onclick: async () => { if (await act(verb, r)) changed(); } }, `${VERBS[verb].title}…`));
}
