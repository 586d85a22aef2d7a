// SPDX-License-Identifier: GPL-3.0-or-later
// Where the bars of a boot's waterfall go: the trace document and the time now -> fractions of the width. Pure.
// Usual times and deadlines are ghosts behind the bar; one that would lie far to the right does not squeeze the
// others: it is cut and marked `beyond`.
import { micros } from './time.js';

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

/** Marks on the axis: [{at: seconds, x: fraction}], at most `most`. */
export function ticks(spanUs, most = 6) {
  const total = spanUs / 1e6;
  const step = STEPS.find((s) => total / s <= most) || Math.ceil(total / most);
  const found = [];
  for (let s = 0; s <= total; s += step) found.push({ at: s, x: total ? s / total : 0 });
  return found;
}

export function tickText(s) {
  if (s < 120) return `${s} s`;
  if (s < 7200) return s % 60 ? `${Math.floor(s / 60)}m ${s % 60}s` : `${s / 60} min`;
  return `${Math.round((s / 3600) * 10) / 10} h`;
}

/** {began, span, ticks, rows:[{span, x, w, usual, deadline, beyond, running, late, us}], marks:[{mark, x}]} */
export function layout(trace, now) {
  const spans = (trace.spans || []).filter((s) => micros(s.began) !== null);
  const starts = spans.map((s) => micros(s.began));
  const began = Math.min(micros(trace.began) ?? Infinity, ...starts);
  if (!Number.isFinite(began)) return { began: null, span: 0, ticks: [], rows: [], marks: [] };
  const open = !trace.ended;
  const ends = spans.map((s) => micros(s.ended) ?? (open ? now : micros(s.began)));
  let end = Math.max(began, micros(trace.ended) ?? (open ? now : began), ...ends);
  // The end that is to be expected, while it runs: not more than the time gone by again.
  for (const s of open ? spans : []) {
    if (s.state === 'running' && s.usual_us) {
      end = Math.max(end, Math.min(micros(s.began) + s.usual_us, began + 2 * (end - began)));
    }
  }
  const span = Math.max(end - began, 1e6) * 1.03;
  const rows = spans.map((s, i) => row(s, starts[i], ends[i], began, span, now));
  const marks = (trace.marks || []).map((m) => ({ mark: m, x: clamp((micros(m.at) - began) / span) }))
    .filter((m) => Number.isFinite(m.x));
  return { began, span, ticks: ticks(span), rows, marks };
}

function row(s, start, end, began, span, now) {
  const x = clamp((start - began) / span);
  const us = Math.max(0, end - start);
  const running = s.state === 'running' && !s.ended;
  const settled = s.state === 'confirmed' || s.state === 'ok' || s.state === 'skipped';
  const reach = (length) => (length ? clamp((start + length - began) / span) - x : null);
  const w = Math.min(clamp(us / span), 1 - x);
  const usual = reach(s.usual_us);
  return {
    span: s, x, w, us, running,
    // At the bar's own end the line would hide a short bar, and says nothing.
    usual: usual !== null && Math.abs(usual - w) < 0.01 && !running ? null : usual,
    // Of what was confirmed in time the deadline tells nothing any more.
    deadline: settled ? null : reach(s.deadline_us),
    beyond: !settled && Boolean(s.deadline_us) && start + s.deadline_us > began + span,
    late: running && Boolean(s.deadline_us) && now - start > s.deadline_us,
    slow: Boolean(s.usual_us) && us > 1.5 * s.usual_us && us - s.usual_us > 2e6,
  };
}

function clamp(v) {
  return Math.min(1, Math.max(0, v));
}
