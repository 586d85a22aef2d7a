// SPDX-License-Identifier: GPL-3.0-or-later
// Rollouts and coming runs as what is shown of them: signs, counts in words, parts of a bar, hosts with the same reason
// together, what may be done. Pure; nothing here touches the page.
import { duration } from './format.js';

const SIGNS = { 'waiting-approval': 'locked', planned: 'idle', running: 'busy', paused: 'locked', halted: 'failed', done: 'ok', aborted: 'skipped' };
const HOST_SIGNS = { waiting: 'idle', 'gate-before': 'busy', job: 'busy', 'gate-after': 'busy', soak: 'busy', ok: 'ok', failed: 'failed', skipped: 'skipped', deferred: 'locked', lost: 'unknown' };
const WORDS = [['ok', 'ok'], ['failed', 'failed'], ['lost', 'lost'], ['in_flight', 'under way'], ['waiting', 'waiting'], ['deferred', 'deferred'], ['skipped', 'skipped']];
const BAR = [['ok', 'ok'], ['skipped', 'ok'], ['failed', 'failed'], ['lost', 'failed'], ['in_flight', 'running']];

/** One that ended with failures is none that went well. */
export function sign(r) {
  return r.state === 'done' && r.counts.failed + r.counts.lost > 0 ? 'failed' : SIGNS[r.state] || 'unknown';
}

export function hostSign(state) {
  return HOST_SIGNS[state] || 'unknown';
}

/** "40 hosts: 12 ok, 2 failed, 26 waiting" */
export function countsText(c) {
  const parts = WORDS.filter(([k]) => c[k] > 0).map(([k, word]) => `${c[k].toLocaleString('en')} ${word}`);
  return `${c.total.toLocaleString('en')} ${c.total === 1 ? 'host' : 'hosts'}${parts.length ? `: ${parts.join(', ')}` : ''}`;
}

/** Where the parts of a bar of that width are: [{state, x, width}], one a state, those without hosts left out. */
export function bar(c, width = 100) {
  let x = 0;
  const parts = [];
  for (const [key, state] of BAR) {
    const w = c.total > 0 ? ((c[key] || 0) / c.total) * width : 0;
    if (w > 0) parts.push({ state, x, width: w });
    x += w;
  }
  return parts;
}

/** "reinstall with debian", "power off" */
export function work(doc) {
  return [doc.kind, doc.action, doc.image ? `with ${doc.image}` : ''].filter(Boolean).join(' ');
}

/** Could it lose data when it hits the wrong host? */
export function destructive(doc) {
  if (doc.kind === 'power') return !['on', 'soft'].includes(doc.action);
  return doc.kind !== 'reboot' || doc.force === 'at-once' || doc.hard === true;
}

/** Hosts of a state with the same reason together, as [{hosts, why}], in the order of their first. */
export function groups(hosts, state) {
  const found = new Map();
  for (const one of hosts.filter((x) => x.state === state)) {
    const key = one.why ? `${one.why.code}\n${one.why.text}` : '';
    if (!found.has(key)) found.set(key, { why: one.why, hosts: [] });
    found.get(key).hosts.push(one.host);
  }
  return [...found.values()];
}

/** What may be done to it, by its state. */
export function verbs(r) {
  const list = [];
  if (r.state === 'waiting-approval') list.push('approve');
  if (r.state === 'planned' || r.state === 'running') list.push('pause');
  if (r.state === 'paused' || r.state === 'halted') list.push('resume');
  if (r.counts.failed + r.counts.lost > 0 && r.state !== 'aborted') list.push('retry-failed');
  if (r.state !== 'done' && r.state !== 'aborted') list.push('abort');
  return list;
}

/** The coming runs, a row for each zone: who goes first stands first; what is left out says why. A run that opens nowhere there, by a
 * blackout or for want of hosts, has its name only. */
export function runs(items) {
  const nobody = { zone: '', opens: null, closes: null, sites: [], hosts: 0 };
  const place = (run) => run.opens || run.nominal || '';
  return items.flatMap((run) => (run.zones.length ? run.zones : [nobody]).map((z) => ({ schedule: run.schedule, nominal: run.nominal, leftOut: run.left_out,
    zone: z.zone, opens: z.opens, closes: z.closes, sites: z.sites, hosts: Array.isArray(z.hosts) ? z.hosts.length : z.hosts })))
    .sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
}

const RULES = [['canary', 'canary'], ['batch', 'batch'], ['max_in_flight', 'max-in-flight'], ['per_site', 'per-site'], ['per_label', 'per-label'], ['max_fail', 'max-fail'],
  ['gates', 'gate'], ['gate_timeout_s', 'gate-timeout'], ['soak_s', 'soak']];

/** A policy as netboot-ctl has it: "canary 1, per-label rack=1, gate tcp:22, soak 10 m". */
export function policyText(policy) {
  const values = (key, v) => {
    if (Array.isArray(v)) return v;
    if (typeof v === 'object') return Object.entries(v).map(([label, n]) => `${label}=${n}`);
    if (v === 0) return [];
    return [key.endsWith('_s') ? duration(v * 1e6) : v];
  };
  return RULES.flatMap(([key, option]) => values(key, policy?.[key] ?? 0).map((v) => `${option} ${v}`)).join(', ');
}
