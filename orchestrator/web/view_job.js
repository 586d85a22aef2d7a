// SPDX-License-Identifier: GPL-3.0-or-later
// One job: what was ordered, by whom and why, how far it is, its verdict and evidence, its boots; cancel and repeat.
import { get, getMaybe, may, q } from './api.js';
import { now as serverNow } from './clock.js';
import { clear, facts, h, icon, panel, redraw, when } from './dom.js';
import { duration } from './format.js';
import { LiveView } from './live_view.js';
import { cancel, retry } from './orders.js';
import { build } from './router.js';
import { micros } from './time.js';
import { jobBadge, outcomeBadge, stageChart, verdictBox, whyPanel } from './why_view.js';

// A stall sends no event: what is open is asked about anew.
const STALL_MS = 15000;
const SIGNS = { confirmed: 'ok', missed: 'failed', skipped: 'skipped', entered: 'busy' };

export class JobView extends LiveView {
  constructor(app, id) {
    super(app, 300);
    this.id = id;
  }

  title() {
    return this.job ? `${this.job.kind} of ${this.job.host}` : 'Job';
  }

  async show() {
    const { store } = this.app;
    if (!store.sites.size) await store.readSites();
    await this.read();
    if (this.closed) return;
    document.title = `${this.title()} · netboot`;
    this.update();
    this.follow(`job=${q(this.id)}`, () => this.soon());
  }

  async read() {
    this.job = await get(`/jobs/${q(this.id)}`);
    const [why, boots] = await Promise.all([getMaybe(`/why?of=${q(this.id)}`), get(`/boots?host=${q(this.job.host)}&limit=100`).catch(() => ({ items: [] }))]);
    this.why = why;
    this.readAt = performance.now();
    this.boots = boots.items.filter((b) => b.job === this.id).reverse();
  }

  update() {
    redraw(this, [this.job, this.why, this.boots], () => this.draw());
  }

  draw() {
    const j = this.job;
    const zone = this.app.store.zone(j.site);
    const buttons = [];
    if (may('operator')) {
      if (!j.ended && !j.cancel) buttons.push(h('button', { type: 'button', class: 'danger', onclick: async () => { if (await cancel(j)) this.soon(); } }, 'Cancel the job'));
      if (j.ended && j.state !== 'done') {
        buttons.push(h('button', { type: 'button', onclick: async () => {
          const made = await retry(j);
          if (made) this.app.router.go('job', made.id);
        } }, 'Order it again…'));
      }
    }
    clear(this.app.main, h('div', { class: 'head' }, h('h1', null, `${j.kind} of `, h('a', { href: build('host', j.host), class: 'mono' }, j.host)), jobBadge(j),
      h('p', { class: 'muted' }, j.reason, ' · by ', j.by, ' · ', when(j.created, zone), ` · ${zone}`)), h('div', { class: 'orders' }, buttons),
    h('div', { class: 'columns' }, h('div', null, whyPanel(this.why, zone) || (j.verdict ? panel('Why', { class: 'why' }, verdictBox(j.verdict)) : null), this.stages(zone)),
      h('div', null, this.bootList(zone), panel('Order', {}, facts([['Id', h('code', null, j.id)], ['Image', j.image], ['Site', j.site], ['Attempt', j.attempt],
        ['Ended', j.ended ? when(j.ended, zone) : null], ['Cancelled', j.cancel ? `by ${j.cancel.by}: ${j.cancel.reason}` : null],
        ['Repeats', j.retry_of ? h('a', { href: build('job', j.retry_of) }, j.retry_of) : null]])),
      stageChart(this.why?.stages) ? panel('Against the usual', {}, stageChart(this.why.stages)) : null)));
  }

  bootList(zone) {
    return panel('Its boots', {}, this.boots.length ? h('ul', { class: 'plain' }, this.boots.map((b) => h('li', { 'data-row': true }, outcomeBadge(b), ' ',
      h('a', { href: build('boot', b.id) }, `attempt ${b.attempt}, `, when(b.began, zone))))) : this.noBoots(),
    this.job.boot && !this.job.ended ? h('p', null, h('a', { class: 'button', href: build('boot', this.job.boot) }, 'Watch the boot')) : null);
  }

  // Of an old job they are behind the newest of its host, or are kept no longer.
  noBoots() {
    const j = this.job;
    if (!j.ended) return j.boot ? null : h('p', { class: 'empty' }, 'None yet: it has not been switched on.');
    return j.boot ? h('p', null, h('a', { href: build('boot', j.boot) }, 'its last one')) : h('p', { class: 'empty' }, 'None of it is known.');
  }

  stages(zone) {
    const rows = this.job.stages || [];
    return panel('Stages', {}, h('ol', { class: 'stages' }, rows.map((s) => {
      const us = micros(s.confirmed) !== null ? micros(s.confirmed) - micros(s.entered) : null;
      const open = s.state === 'entered' && !this.job.ended;
      return h('li', { class: `st-${s.state}` }, h('span', { class: 'sign' }, icon(SIGNS[s.state] || 'unknown')), h('span', { class: 'name' }, s.stage),
        h('span', { class: 'muted' }, s.state === 'entered' && !open ? 'not confirmed' : open ? 'now' : s.state, s.attempt > 1 ? ` · attempt ${s.attempt}` : ''),
        h('span', { class: 'num', ...(open ? { dataset: { since: micros(s.entered) } } : {}) }, open ? duration(serverNow() - micros(s.entered)) : us === null ? '' : duration(us)),
        h('span', { class: 'text' }, s.evidence || ''), h('span', { class: 'muted' }, when(s.entered, zone)));
    })), rows.length ? null : h('p', { class: 'empty' }, 'No agent has it yet.'));
  }

  tick(now) {
    if (this.job && !this.job.ended) this.stale(STALL_MS);
    for (const el of this.app.main.querySelectorAll('[data-since]')) el.textContent = duration(now - Number(el.dataset.since));
  }

  up() {
    this.app.router.go('jobs');
  }
}
