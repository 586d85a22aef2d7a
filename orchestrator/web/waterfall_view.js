// SPDX-License-Identifier: GPL-3.0-or-later
// Draws a laid out waterfall. Rows are kept by their place, so that a running boot changes widths and words only and a
// reader's place, a hover or a selection stays. Each row says in words what its bar shows.
import { clear, h, icon, setClass, setText, svg } from './dom.js';
import { duration, octets, rate } from './format.js';
import { clock } from './time.js';
import { layout, tickText } from './waterfall.js';

const SIGNS = { confirmed: 'ok', ok: 'ok', missed: 'failed', failed: 'failed', skipped: 'skipped', running: 'busy' };
const KINDS = { stage: 'stage', transfer: 'transfer', bmc: 'BMC', power: 'power', console: 'console' };

function percent(v) {
  return `${(v * 100).toFixed(3)}%`;
}

// `all`: also what the bar shows well enough.
function words(r, all) {
  const s = r.span;
  const parts = [s.row === 'power' && !s.ended ? '' : duration(r.us)];
  if (s.octets !== null && s.octets !== undefined) parts.push(s.total && s.octets < s.total ? `${octets(s.octets)} of ${octets(s.total)}` : octets(s.octets));
  if (s.rate) parts.push(rate(s.rate));
  if (s.usual_us && (all || r.slow || r.running || s.state === 'missed')) parts.push(`usual ${duration(s.usual_us)}`);
  if (r.late) parts.push('deadline passed');
  else if (r.running && s.deadline_us) parts.push(`deadline ${duration(s.deadline_us)}`);
  if (s.state === 'missed' || s.state === 'failed' || s.state === 'skipped') parts.push(s.state);
  if (s.n > 1) parts.push(`${s.n} times`);
  return parts.filter(Boolean).join(' · ');
}

function makeRow() {
  const p = { sign: h('span', { class: 'sign' }), name: h('span', { class: 'name' }), words: h('span', { class: 'words' }), text: h('p', { class: 'text' }),
    deadline: h('span', { class: 'ghost deadline' }), usual: h('span', { class: 'ghost usual' }), bar: h('span', { class: 'bar' }), done: h('span', { class: 'done' }) };
  p.bar.append(p.done);
  p.track = h('div', { class: 'track', 'aria-hidden': 'true' }, p.deadline, p.usual, p.bar);
  const el = h('li', null, h('div', { class: 'label' }, p.sign, p.name, p.words), p.track, p.text);
  el.parts = p;
  return el;
}

function updateRow(el, r, zone) {
  const s = r.span;
  const p = el.parts;
  setClass(el, `wrow r-${s.row} st-${r.late ? 'late' : s.state}${r.slow ? ' slow' : ''}`);
  if (p.sign.dataset.state !== s.state) {
    p.sign.dataset.state = s.state;
    clear(p.sign, icon(SIGNS[s.state] || 'unknown'), h('span', { class: 'unseen' }, `${KINDS[s.row] || s.row} ${s.state}: `));
  }
  setText(p.name, s.name);
  setText(p.words, words(r));
  setText(p.text, s.text || '');
  p.text.hidden = !s.text;
  p.track.title = `${clock(r.at, zone)} ${s.name}: ${words(r, true)}`;
  p.bar.style.left = percent(r.x);
  p.bar.style.width = percent(r.w);
  const share = s.total && s.octets !== null && s.octets !== undefined ? Math.min(1, s.octets / s.total) : null;
  p.done.hidden = share === null || !r.running;
  if (share !== null) p.done.style.width = percent(share);
  for (const [ghost, w] of [[p.usual, r.usual], [p.deadline, r.deadline]]) {
    ghost.hidden = !w;
    if (w) {
      ghost.style.left = percent(r.x);
      ghost.style.width = percent(w);
    }
  }
  p.deadline.classList.toggle('beyond', r.beyond);
}

export class WaterfallView {
  constructor(zone) {
    this.zone = zone;
    this.axis = h('div', { class: 'axis', 'aria-hidden': 'true' });
    this.list = h('ol', { class: 'wrows', 'aria-label': 'Stages, BMC calls and transfers in order' });
    this.node = h('div', { class: 'waterfall' }, h('div', { class: 'axisrow' }, h('span', { class: 'label' }), this.axis), this.list,
      h('div', { class: 'legend hint' }, h('span', { class: 'lg usual' }, 'usual'), h('span', { class: 'lg deadline' }, 'deadline'),
        h('span', { class: 'lg running' }, 'running')));
  }

  draw(trace, now) {
    const l = layout(trace, now);
    for (const r of l.rows) r.at = l.began + r.x * l.span;
    this.drawAxis(l);
    while (this.list.children.length > l.rows.length) this.list.lastChild.remove();
    l.rows.forEach((r, i) => {
      if (!this.list.children[i]) this.list.append(makeRow());
      updateRow(this.list.children[i], r, this.zone);
    });
    if (!l.rows.length && !this.none) {
      this.none = h('p', { class: 'empty' }, 'Nothing was seen of it yet.');
      this.node.prepend(this.none);
    } else if (l.rows.length) {
      this.none?.remove();
      this.none = null;
    }
  }

  drawAxis(l) {
    const key = l.ticks.map((t) => `${t.at}:${t.x.toFixed(3)}`).join();
    if (key === this.axisKey) return;
    this.axisKey = key;
    clear(this.axis, l.ticks.map((t) => {
      const tick = h('span', { class: 'tick' }, tickText(t.at));
      tick.style.left = percent(t.x);
      return tick;
    }), l.marks.filter((m) => /other|panic|error|flag|lost|nak/.test(m.mark.kind)).slice(0, 60).map((m) => {
      const dot = svg('svg', { class: 'markdot', viewBox: '0 0 8 8' }, svg('title', null, `${m.mark.kind} ${m.mark.text || ''}`), svg('path', { d: 'M0 0h8L4 8Z' }));
      dot.style.left = percent(m.x);
      return dot;
    }));
  }
}
