// SPDX-License-Identifier: GPL-3.0-or-later
// The fleet as data: rows of GET /fleet, what an event changes in a row, search, order and counts. Pure.
// A row is an object of the document's columns; `stuck` is worked out anew as time passes, since a deadline
// that goes by sends no event.
import { micros } from './time.js';

export const STATES = ['stuck', 'failed', 'busy', 'locked', 'idle'];

/** Host -> row, in the order of names as people count; a row that is changed keeps its place. */
export function rowsOf(doc) {
  const columns = doc.columns;
  const rows = doc.rows.map((values) => {
    const row = {};
    for (let i = 0; i < columns.length; i += 1) row[columns[i]] = values[i];
    return row;
  });
  rows.sort((a, b) => names.compare(a.host, b.host));
  return new Map(rows.map((row) => [row.host, row]));
}

/** Stuck as the server said it, or because its deadline has gone by since. */
export function isStuck(row, now) {
  if (row.stuck) return true;
  if (row.state !== 'busy' || !row.deadline_us) return false;
  const since = micros(row.since);
  return since !== null && now - since > row.deadline_us;
}

/** One word for the glance. A failed host is stuck too: somebody must act; it is shown as failed. */
export function stateOf(row, now) {
  if (row.state === 'busy') return isStuck(row, now) ? 'stuck' : 'busy';
  return row.state;
}

/** What people look for, in small letters, made once a change. */
export function haystack(row) {
  return [row.host, row.site, row.state, row.kind, row.stage, row.code, row.reason, row.power, row.job, row.boot,
    ...(Array.isArray(row.flags) ? row.flags : [])].filter(Boolean).join(' ').toLowerCase();
}

/** "edge site:los stage:kernel -locked" -> a list of terms */
export function parseQuery(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const not = word.length > 1 && word.startsWith('-');
    const body = not ? word.slice(1) : word;
    const m = /^(site|stage|kind|code|power|state|flag|host):(.*)$/.exec(body);
    return m ? { not, field: m[1], text: m[2] } : { not, field: null, text: body };
  });
}

function matches(term, row, state, hay) {
  if (term.field === null) return hay.includes(term.text);
  if (term.field === 'state') return state.startsWith(term.text);
  if (term.field === 'flag') return (row.flags || []).some((f) => f.startsWith(term.text));
  return String(row[term.field] ?? '').toLowerCase().startsWith(term.text);
}

/** filter: {states:Set, site:string, query:[term]}; hay: Map host -> text. */
export function select(rows, hays, filter, now) {
  const found = [];
  for (const row of rows.values()) {
    const state = stateOf(row, now);
    if (filter.site && row.site !== filter.site) continue;
    if (filter.states.size && !filter.states.has(state)) continue;
    const hay = filter.query.length ? hays.get(row.host) : '';
    if (filter.query.every((t) => matches(t, row, state, hay) !== t.not)) found.push({ row, state });
  }
  return order(found);
}

const names = new Intl.Collator('en', { numeric: true });

/** The worst first; rows come in the order of their names (rowsOf), which each state keeps: no comparing, at each event. */
export function order(found) {
  const buckets = new Map([...STATES, null].map((s) => [s, []]));
  for (const f of found) (buckets.get(f.state) ?? buckets.get(null)).push(f);
  return [].concat(...buckets.values());
}

/** {all:{stuck:n,…,total}, sites:Map name -> the same} */
export function counts(rows, now) {
  const zero = () => ({ stuck: 0, failed: 0, busy: 0, locked: 0, idle: 0, total: 0 });
  const all = zero();
  const sites = new Map();
  for (const row of rows.values()) {
    const state = stateOf(row, now);
    if (!sites.has(row.site)) sites.set(row.site, zero());
    for (const c of [all, sites.get(row.site)]) {
      c[state] += 1;
      c.total += 1;
    }
  }
  return { all, sites };
}

const ENDS = { 'job.done': 'idle', 'job.cancelled': 'idle', 'job.failed': 'failed', 'job.refused': 'failed' };

/** The row after an event, or the same row where it tells nothing of it. What is not known stays as it was; the
 * next reading of /fleet corrects what an event does not say (a lock, for instance). */
export function patch(row, ev) {
  const d = ev.detail || {};
  const next = { ...row };
  if (ev.kind === 'power.state') {
    if (!d.power) return row;
    next.power = d.power;
    return next;
  }
  if (ev.kind === 'boot.begin') {
    // Its flags are told after it.
    if (ev.boot && ev.boot !== row.boot) Object.assign(next, { boot: ev.boot, flags: [] });
    return next;
  }
  if (ev.kind === 'boot.flag') {
    if (!d.flag || (ev.boot && ev.boot !== row.boot) || row.flags?.includes(d.flag)) return row;
    next.flags = [...(row.flags || []), d.flag];
    return next;
  }
  if (!ev.kind.startsWith('job.')) return row;
  const mine = !row.job || row.job === ev.job;
  // What the orchestrator found in the events takes the place of the agent's word; it comes before the job's end.
  if (ev.kind === 'job.verdict') {
    return mine && d.code ? { ...next, verdict: { job: ev.job, code: d.code, reason: `${d.code}: ${ev.reason || d.text || ''}` } } : row;
  }
  if (ENDS[ev.kind]) {
    if (!mine) return row;
    const failed = ENDS[ev.kind] === 'failed';
    const found = row.verdict?.job === ev.job ? row.verdict : null;
    return { ...next, verdict: null, state: row.state === 'locked' ? 'locked' : ENDS[ev.kind], stuck: failed, since: ev.at,
      deadline_us: null, job: failed ? ev.job : null, stage: failed ? (d.stage || row.stage) : null,
      code: failed ? (found?.code ?? d.code ?? null) : null, reason: failed ? (found?.reason ?? d.text ?? null) : null,
      kind: failed ? row.kind : null };
  }
  if (ev.kind === 'job.queued' || ev.kind === 'job.accepted' || ev.kind === 'job.attempt' || ev.kind === 'job.stage') {
    if (!mine && row.state === 'busy') return row;
    Object.assign(next, { state: 'busy', stuck: false, job: ev.job, kind: d.kind || (mine ? row.kind : null) });
    if (!mine || row.state !== 'busy') Object.assign(next, { code: null, reason: null });
    if (d.attempt) next.attempt = d.attempt;
    if (ev.kind === 'job.stage' && d.state === 'entered') {
      Object.assign(next, { stage: d.stage, since: ev.at, deadline_us: d.deadline_us ?? null, reason: null, code: null });
    } else if (row.stage === null || row.stage === undefined || row.state !== 'busy') {
      Object.assign(next, { stage: 'queued', since: ev.at, deadline_us: null });
    }
    return next;
  }
  return row;
}
