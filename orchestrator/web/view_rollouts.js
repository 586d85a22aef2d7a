// SPDX-License-Identifier: GPL-3.0-or-later
// Work that goes over many hosts: rollouts that are open, the coming runs of schedules, and rollouts of before.
import { get } from './api.js';
import { age, badge, clear, empty, h, panel, redraw, svg, when } from './dom.js';
import { count } from './format.js';
import { LiveView } from './live_view.js';
import { bar, countsText, runs, sign, work } from './rollout_model.js';
import { buttons } from './rollout_orders.js';
import { build } from './router.js';
import { knownZone } from './time.js';

const SHOWN = 50;
const AGAIN_MS = 30000;
const RUNS = 20;
const OPEN = ['halted', 'waiting-approval', 'paused', 'running', 'planned'];

/** How far it is; the words beside it say the same. */
export function progress(r) {
  return svg('svg', { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true', class: 'rbar' },
    svg('rect', { class: 'back', x: 0, y: 1, width: 100, height: 8 }),
    bar(r.counts).map((p) => svg('rect', { class: `this st-${p.state}`, x: p.x, y: 1, width: p.width, height: 8 })));
}

/** Why it is as it is, with the next step. */
export function reasonOf(r) {
  return r.why ? h('div', { class: 'verdict' }, h('p', null, h('code', { class: 'code' }, r.why.code), `: ${r.why.text}`),
    r.why.next ? h('p', { class: 'next' }, h('strong', null, 'Next: '), r.why.next) : null) : null;
}

export class RolloutsView extends LiveView {
  constructor(app) {
    super(app, 700);
  }

  title() {
    return 'Rollouts';
  }

  async show() {
    this.said = h('div');
    await this.again();
    this.follow('kind=rollout.*,schedule.run', () => this.soon());
  }

  async read() {
    const [list, next] = await Promise.all([get(`/rollouts?limit=${SHOWN}`), get('/schedules/next?n=1')]);
    this.rollouts = list.next ? await this.withOpen(list.items) : list.items;
    this.next = next.items;
    this.readAt = performance.now();
  }

  // One that has waited for somebody for long is not among the newest.
  async withOpen(newest) {
    const known = new Set(newest.map((r) => r.id));
    const open = await Promise.all(OPEN.map((state) => get(`/rollouts?limit=${SHOWN}&state=${state}`)));
    return [...newest, ...open.flatMap((page) => page.items).filter((r) => !known.has(r.id))];
  }

  // A schedule that was changed is no event of it.
  tick() {
    this.stale(AGAIN_MS);
  }

  update() {
    redraw(this, [this.rollouts, this.next], () => this.draw());
  }

  draw() {
    const open = this.rollouts.filter((r) => !r.ended);
    const ended = this.rollouts.filter((r) => r.ended);
    clear(this.app.main, h('h1', null, 'Rollouts'), h('p', { class: 'muted' }, 'Orders on many hosts, by hand or by schedule, carried out bit by bit.'), this.said,
      h('div', { class: 'stack' }, h('section', { 'aria-label': 'Open rollouts' }, open.length ? h('ul', { class: 'cards' }, open.map((r) => this.card(r))) : empty('None is open.')),
      this.coming(),
      ended.length ? panel('Ended', {}, h('ul', { class: 'plain' }, ended.map((r) => h('li', { 'data-row': true, class: 'rrow' }, badge(sign(r), r.state), ' ',
        h('a', { href: build('rollout', r.id) }, `${work(r)} of ${r.hosts}`), ' ', h('span', { class: 'muted' }, `${r.schedule || r.by} · `, age(r.ended)),
        h('span', { class: 'text' }, countsText(r.counts), r.why ? ` · ${r.why.code}` : ''))))) : null));
  }

  card(r) {
    return h('li', { class: 'card', 'data-row': true }, h('div', { class: 'cardhead' }, h('h2', null, h('a', { href: build('rollout', r.id) }, `${work(r)} of `, h('span', { class: 'mono' }, r.hosts))),
      badge(sign(r), r.state), h('span', { class: 'muted' }, r.schedule ? `${r.schedule} · ` : `${r.by} · `, age(r.created))),
    progress(r), h('p', null, countsText(r.counts), r.batch?.of ? ` · batch ${r.batch.n} of ${r.batch.of}` : ''), h('p', { class: 'muted' }, r.reason), reasonOf(r),
    h('div', { class: 'buttons' }, buttons(r, () => this.soon())));
  }

  coming() {
    const rows = runs(this.next);
    return panel('Coming runs', {}, rows.length ? h('ul', { class: 'plain' }, rows.slice(0, RUNS).map((run) => h('li', { 'data-row': true, class: 'rrow' },
      badge(run.leftOut ? 'skipped' : 'idle', run.leftOut ? `left out: ${run.leftOut}` : 'planned'), ' ', h('strong', null, run.schedule), ' ',
      run.opens ? when(run.opens, knownZone(run.zone) ? run.zone : 'UTC') : run.nominal, h('span', { class: 'muted' }, ` ${run.zone}`),
      h('span', { class: 'text' }, run.hosts ? `${count(run.hosts, 'host')} at ${run.sites.join(', ')}` : 'no host matches now')))) : empty('No schedule has one.'),
    rows.length > RUNS ? h('p', { class: 'hint' }, `and ${rows.length - RUNS} more: netboot-ctl schedule next`) : null);
  }

  up() {
    this.app.router.go('fleet');
  }
}
