// SPDX-License-Identifier: GPL-3.0-or-later
// One host: what it does and why, orders, its boots as a timeline, cards and BMC (never a secret). Kept by its own events.
import { get, getMaybe, q } from './api.js';
import { now as serverNow } from './clock.js';
import { ConsoleView } from './console_view.js';
import { openText } from './dialog.js';
import { age, badge, clear, empty, facts, h, panel, redraw, when } from './dom.js';
import { duration, octets } from './format.js';
import { LiveView } from './live_view.js';
import { orderButtons } from './orders.js';
import { extend, renew } from './pages.js';
import { build } from './router.js';
import { micros } from './time.js';
import { flagTags, outcomeBadge, stageChart, whyPanel } from './why_view.js';

const BOOTS = 50;
const MOST = 200; // of GET /boots, whatever limit says
const TOLD = /^(job|boot|power|ipmi)\./;
// A stall, a lock and a silent agent send no event of the host: it is asked about anew, sooner while a job is open.
const STALL_MS = 15000;
const IDLE_MS = 60000;

export class HostView extends LiveView {
  constructor(app, name) {
    super(app, 250);
    this.store = app.store;
    this.name = name;
    this.boots = { items: [], next: null };
  }

  title() {
    return this.name;
  }

  async show() {
    await this.read();
    if (this.closed) return;
    this.update();
    this.follow(`host=${q(this.name)}`, (ev) => { if (TOLD.test(ev.kind)) this.soon(); });
  }

  async read() {
    const name = q(this.name);
    const [host, status, boots, why, consoles] = await Promise.all([get(`/hosts/${name}`), get(`/status?hosts=${name}`),
      get(`/boots?host=${name}&limit=${Math.min(MOST, Math.max(BOOTS, this.boots.items.length))}`), getMaybe(`/why?of=${name}`), getMaybe(`/hosts/${name}/consoles?limit=20`),
      this.store.sites.size ? null : this.store.readSites()]);
    Object.assign(this, { host, status: status.items[0], boots: renew(this.boots, boots), why, consoles: consoles?.items || [] });
    const [job, stuck] = await Promise.all([this.status?.job ? getMaybe(`/jobs/${q(this.status.job)}`) : null,
      this.status?.state === 'busy' ? get(`/status?hosts=${name}&stuck=1`) : null]);
    Object.assign(this, { job, stuck: Boolean(stuck?.items.length), readAt: performance.now() });
  }

  update() {
    const { host, status, boots, why, consoles, job, stuck } = this;
    redraw(this, [host, status, boots, why, consoles, job, stuck], () => this.draw());
  }

  draw() {
    const { host, status, job } = this;
    const zone = this.store.zone(host.site);
    const state = status?.state || 'idle';
    const at = window.scrollY;
    const why = whyPanel(this.why, zone);
    const first = why && !why.classList.contains('fine');
    clear(this.app.main,
      h('div', { class: 'head' }, h('h1', { class: 'mono' }, host.name), badge(this.stuck ? 'stuck' : state),
        h('p', { class: 'muted' }, h('a', { href: build('fleet', '', { site: host.site }) }, host.site), ` · ${zone}`)),
      h('div', { class: 'orders' }, orderButtons(host, status, job, { act: (b, f) => this.app.act(b, f), images: () => this.store.readImages(), changed: () => this.soon(),
        started: (made) => this.app.router.go('job', made.id) })),
      h('div', { class: 'columns' },
        h('div', null, first ? [why, this.now(zone)] : [this.now(zone), why], this.timeline(zone)),
        h('div', null, this.durations(), this.cards(), this.bmc(zone), this.recordings(zone))));
    window.scrollTo(0, at);
  }

  now(zone) {
    const { host, status: s, job } = this;
    return panel('Now', {}, facts([
      ['Job', job ? h('a', { href: build('job', job.id) }, `${job.kind}${job.image ? ` ${job.image}` : ''}`) : 'none open',
        job ? h('span', { class: 'muted' }, ` by ${job.by}: ${job.reason}`) : null],
      ['Stage', s?.stage && job && !job.ended ? `${s.stage}, attempt ${s.attempt}` : null],
      ['In stage', s?.in_stage_us !== undefined && job && !job.ended ? h('span', s.as_of ? {} : { dataset: { since: serverNow() - s.in_stage_us } }, duration(s.in_stage_us)) : null,
        s?.deadline_us ? h('span', { class: 'muted' }, ` of ${duration(s.deadline_us)}`) : null],
      ['Known', s?.as_of ? h('span', { class: 'bad' }, 'as of ', when(s.as_of, zone), ': the site is not heard since') : null],
      ['Reason', s?.reason],
      ['Power', s?.power ? `${s.power}${s.power_why ? ` (${s.power_why})` : ''}` : 'never asked', s?.power_at ? [', ', age(s.power_at)] : null],
      ['On the wire', s?.last_seen ? age(s.last_seen) : 'never seen'],
      ['Lock', host.locked ? [`${host.locked.by}: ${host.locked.reason}, `, when(host.locked.at, zone)] : null],
      ['Installs', host.image],
    ]), job?.boot && !job.ended ? h('p', null, h('a', { class: 'button', href: build('boot', job.boot) }, 'Watch this boot')) : null);
  }

  durations() {
    const chart = stageChart(this.why?.stages);
    return chart ? panel('Stages of the last job', {}, chart) : null;
  }

  timeline(zone) {
    const list = h('ol', { class: 'boots' }, this.boots.items.map((b) => {
      const us = micros(b.ended) !== null && micros(b.began) !== null ? micros(b.ended) - micros(b.began) : null;
      return h('li', { 'data-row': true, class: `boot o-${b.outcome || 'open'}` },
        outcomeBadge(b), h('a', { href: build('boot', b.id) }, when(b.began, zone)),
        h('span', { class: 'what' }, b.kind || b.trigger || (b.planned ? 'ordered' : 'not ordered'), b.image ? ` ${b.image}` : '',
          b.attempt > 1 ? ` · attempt ${b.attempt}` : ''), flagTags(b.flags ?? (b.planned ? [] : ['unordered'])),
        h('span', { class: 'num muted' }, us === null ? '' : duration(us), b.octets ? ` · ${octets(b.octets)}` : ''),
        b.verdict || b.text ? h('span', { class: 'text' }, b.verdict ? `${b.verdict.code}: ${b.verdict.text}` : b.text) : null);
    }));
    const cursor = this.boots.next;
    const button = cursor ? h('button', { type: 'button', class: 'quiet', onclick: (e) => this.app.act(e.currentTarget, async () => {
      const page = await get(`/boots?host=${q(this.name)}&limit=${BOOTS}&cursor=${q(cursor)}`);
      this.boots = extend(this.boots, page, cursor);
      this.update();
    }) }, 'Older boots') : null;
    return panel('Boots', {}, this.boots.items.length ? list : empty('No boot of it was seen yet.'), button);
  }

  cards() {
    return panel('Machine', {}, h('ul', { class: 'plain' }, (this.host.nics || []).map((n) => h('li', null, h('span', { class: 'mono' }, n.mac),
      h('span', { class: 'muted' }, n.ip ? ` ${n.ip}` : '', n.ip6 ? ` ${n.ip6}` : '', ' '), n.boot ? h('span', { class: 'tag' }, 'boots') : null))),
    facts([['Firmware', this.host.firmware], ['UUID', this.host.uuid ? h('span', { class: 'mono' }, this.host.uuid) : null], ['Serial', this.host.serial],
      ['Idle', this.host.idle], ['Probe', this.host.probe],
      ['Labels', Object.entries(this.host.labels || {}).map(([k, v]) => h('span', { class: 'tag' }, `${k}=${v}`))]]));
  }

  bmc() {
    const b = this.host.bmc;
    if (!b) return panel('BMC', {}, empty('It has none: it can be watched, not ordered.'));
    return panel('BMC', {}, facts([['Address', h('span', { class: 'mono' }, `${b.address}${b.port && b.port !== 623 ? `:${b.port}` : ''}`)],
      ['User', b.user], ['Privilege', b.privilege], ['Cipher suite', b.require_cipher ? `${b.require_cipher}, no other` : b.cipher || 'the best it has'],
      ['K_g', b.kg_set ? 'set' : null], ['Console', b.console], ['Password', b.rotation_since ? 'being changed' : null]]));
  }

  recordings(zone) {
    if (!this.consoles.length) return null;
    return panel('Consoles', {}, h('ul', { class: 'plain' }, this.consoles.map((c) => h('li', null,
      c.of === 'boot' ? h('a', { href: build('boot', c.id) }, when(c.began, zone))
        : h('button', { type: 'button', class: 'quiet small', onclick: () => this.replay(c, zone) }, when(c.began, zone)), h('span', { class: 'muted' }, ` ${c.of === 'boot' ? 'of a boot' : 'between jobs'}, ${octets(c.octets)}`)))));
  }

  // What ran between jobs is no boot's: it has no page of its own.
  replay(c, zone) {
    const view = new ConsoleView(zone);
    openText(`Between jobs, ${this.name}`, view.node).addEventListener('close', () => view.close());
    view.show(c.id);
  }

  tick(now) {
    this.stale(this.job && !this.job.ended ? STALL_MS : IDLE_MS);
    for (const el of this.app.main.querySelectorAll('[data-since]')) el.textContent = duration(now - Number(el.dataset.since));
  }

  up() {
    this.app.router.go('fleet');
  }
}
