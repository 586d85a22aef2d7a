// SPDX-License-Identifier: GPL-3.0-or-later
// The explanation of a host, job or boot (GET /why) as a panel: verdict, next step, evidence, what else was seen; and
// its stage durations against the usual ones as a small chart.
import { badge, h, moment, panel, svg } from './dom.js';
import { count, duration } from './format.js';
import { build } from './router.js';

// Codes of what went as it should: nobody need do anything.
const FINE = new Set(['well', 'under-way', 'superseded', 'cancelled', 'nothing-done', 'rebooted']);
// Codes that say to look, not that something broke.
const NOTE = new Set(['waits-for-agent', 'slower-than-usual', 'unordered-boot', 'not-known', 'image-not-let-go', 'left-off']);

// The way to the console where the next step is to look at it: further down, or in the boot's view.
function toConsole(verdict, boot) {
  if (!boot || !/console/.test(verdict.next)) return null;
  return h('a', { class: 'button quiet small', href: build('boot', boot), onclick: (e) => {
    const here = document.querySelector('.consolebox');
    if (!here) return;
    e.preventDefault();
    here.scrollIntoView({ block: 'center' });
  } }, 'To the console');
}

export function verdictBox(verdict, boot) {
  return h('div', { class: `verdict ${verdict.certain === false ? 'likely' : ''}` },
    h('p', { class: 'code' }, h('code', null, verdict.code), verdict.certain === false ? h('span', { class: 'hint' }, ' likely') : null),
    verdict.title ? h('p', { class: 'headline' }, verdict.title) : null,
    verdict.text && verdict.text !== verdict.title ? h('p', null, verdict.text) : null,
    verdict.next && !FINE.has(verdict.code) ? h('p', { class: 'next' }, h('strong', null, 'Next: '), verdict.next, ' ', toConsole(verdict, boot)) : null);
}

/** null where there is nothing to explain. The evidence is open where something went wrong, unless `open` says otherwise. */
export function whyPanel(why, zone, open) {
  if (!why || why.verdict?.code === 'no-job' || (!why.verdict && !why.evidence?.length)) return null;
  const u = why.usual;
  const fine = !why.verdict || FINE.has(why.verdict.code);
  return panel('Why', { class: fine ? 'why fine' : NOTE.has(why.verdict?.code) ? 'why note' : 'why' },
    why.verdict ? verdictBox(why.verdict, why.of?.boot) : h('p', { class: 'muted' }, why.state === 'open' ? 'It runs; nothing is wrong so far.' : 'Nothing went wrong.'),
    u ? h('p', { class: 'usualline' }, `${u.stage}: ${duration(u.this_us)} now; usual for this machine ${duration(u.median_us)}`,
      ` (nine of ten within ${duration(u.p90_us)}, longest ${duration(u.max_us)}, ${u.n} seen).`) : null,
    why.evidence?.length ? h('details', { open: open ?? !fine }, h('summary', null, `Evidence: ${count(why.evidence.length, 'event')}`),
      h('ol', { class: 'evidence' }, why.evidence.map((e) => h('li', null, moment(e.at, zone), h('span', { class: 'kind' }, e.kind), h('span', { class: 'text' }, e.text))))) : null,
    why.also?.length ? [h('h3', null, 'Also seen'), why.also.map((a) => h('p', { class: 'also' }, h('code', null, a.code), ' ', a.title || '', a.text ? ` — ${a.text}` : ''))] : null);
}

export function tooSlow(us, usual) {
  return Boolean(usual) && us > 1.5 * usual && us - usual > 2e6;
}

/** This time, with a line where it usually ends. Words beside it say the same. */
export function stageBar(us, usual, most, state) {
  return svg('svg', { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true', class: 'bar' },
    svg('rect', { class: 'back', x: 0, y: 1, width: 100, height: 8 }),
    svg('rect', { class: `this st-${state}`, x: 0, y: 1, width: Math.max(0.6, (us / most) * 100), height: 8 }),
    usual ? svg('rect', { class: 'usualmark', x: Math.min(99.2, (usual / most) * 100), y: 0, width: 0.8, height: 10 }) : null);
}

/** One bar a stage. */
export function stageChart(stages) {
  const rows = (stages || []).filter((s) => s.this_us !== null && s.this_us !== undefined);
  if (!rows.length) return null;
  const most = Math.max(...rows.map((s) => Math.max(s.this_us, s.usual_us || 0)), 1);
  return h('div', { class: 'stagechart', role: 'list' }, rows.map((s) => {
    const slow = tooSlow(s.this_us, s.usual_us);
    return h('div', { role: 'listitem', class: slow ? 'slow' : null }, h('span', { class: 'name' }, s.stage),
      stageBar(s.this_us, s.usual_us, most, s.state),
      h('span', { class: 'num' }, duration(s.this_us)),
      h('span', { class: 'hint num' }, s.usual_us ? `usual ${duration(s.usual_us)}` : ''), slow ? h('span', { class: 'tag' }, 'slow') : null);
  }));
}

const OUTCOMES = { ok: ['ok', 'ok'], failed: ['failed', 'failed'], unknown: ['unknown', 'not known'], superseded: ['skipped', 'superseded'] };

export function outcomeBadge(boot) {
  if (!boot.ended && !boot.outcome) return badge('busy', 'running');
  const [sign, word] = OUTCOMES[boot.outcome] || ['unknown', boot.outcome || 'not known'];
  return badge(sign, word);
}

const JOB_STATES = { queued: 'busy', accepted: 'busy', running: 'busy', done: 'ok', failed: 'failed', cancelled: 'skipped' };

export function jobBadge(job) {
  return badge(JOB_STATES[job.state] || 'unknown', job.state);
}

const FLAGS = { unordered: 'nobody ordered it', 'power-off-seen': 'seen powered off', 'other-dhcp': 'another DHCP server answered' };

export function flagWords(flags) {
  return (flags || []).map((f) => FLAGS[f] || f).join(', ');
}

export function flagTags(flags) {
  return (flags || []).map((f) => h('span', { class: 'tag flag', title: f }, FLAGS[f] || f));
}
