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
import { jobBadge, outcomeBadge, stageBar, tooSlow, verdictBox, whyPanel } from './why_view.js';

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
      h('p', { class: 'muted' }, j.reason, ' · by ', j.by, ' · ', when(j.created, zone), ` · ${zone}`), j.as_of ? h('p', { class: 'bad' }, 'As of ', when(j.as_of, zone), ': the site is not heard since') : null), h('div', { class: 'orders' }, buttons),
    h('div', { class: 'columns' }, h('div', null, whyPanel(this.why, zone) || (j.verdict ? panel('Why', { class: 'why' }, verdictBox(j.verdict)) : null), this.stages(zone)),
      h('div', null, this.bootList(zone), panel('Order', {}, facts([['Id', h('code', null, j.id)], ['Image', j.image], ['Site', j.site], ['Attempt', j.attempt],
        ['Ended', j.ended ? when(j.ended, zone) : null], ['Cancelled', j.cancel ? `by ${j.cancel.by}: ${j.cancel.reason}` : null],
        ['Repeats', j.retry_of ? h('a', { href: build('job', j.retry_of) }, j.retry_of) : null]])))));
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

  // Each with its time as a bar against the usual one, which is this machine's own whatever the attempt.
  stages(zone) {
    const usual = new Map((this.why?.stages || []).map((s) => [s.stage, s.usual_us]));
    const rows = (this.job.stages || []).map((s) => {
      const open = s.state === 'entered' && !this.job.ended;
      const end = open ? serverNow() : micros(s.confirmed);
      return { s, open, us: end === null || s.state === 'skipped' ? null : end - micros(s.entered), usual: usual.get(s.stage) };
    });
    const most = Math.max(1, ...rows.filter((r) => r.us !== null).map((r) => Math.max(r.us, r.usual || 0)));
    return panel('Stages', {}, h('ol', { class: 'stages' }, rows.map((r) => this.stage(r, most, zone))), rows.length ? null : h('p', { class: 'empty' }, 'No agent has it yet.'));
  }

  stage({ s, open, us, usual }, most, zone) {
    const slow = us !== null && tooSlow(us, usual);
    return h('li', { class: `st-${s.state}${slow ? ' slow' : ''}` }, h('span', { class: 'sign' }, icon(SIGNS[s.state] || 'unknown')), h('span', { class: 'name' }, s.stage),
      h('span', { class: 'state' }, s.state === 'entered' && !open ? 'not confirmed' : open ? 'now' : s.state, s.attempt > 1 ? ` · attempt ${s.attempt}` : ''),
      us === null ? null : stageBar(us, usual, most, s.state), h('span', { class: 'num', ...(open ? { dataset: { since: micros(s.entered) } } : {}) }, us === null ? '' : duration(us)),
      us !== null && usual ? h('span', { class: 'hint' }, `usual ${duration(usual)}`, slow ? [' ', h('span', { class: 'tag' }, 'slow')] : null) : null,
      h('span', { class: 'when' }, when(s.entered, zone)), s.evidence ? h('span', { class: 'text' }, s.evidence) : null);
  }

  tick(now) {
    if (this.job && !this.job.ended) this.stale(STALL_MS);
    for (const el of this.app.main.querySelectorAll('[data-since]')) el.textContent = duration(now - Number(el.dataset.since));
  }

  up() {
    this.app.router.go('jobs');
  }
}
