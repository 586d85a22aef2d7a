// SPDX-License-Identifier: GPL-3.0-or-later
// One rollout: what, whose, its state and why, how far, and its hosts: those that failed first, those under way, those that wait and
// what for. Hosts that are well are counted.
import { get, getAll, q } from './api.js';
import { badge, clear, facts, h, panel, redraw, when } from './dom.js';
import { count, duration } from './format.js';
import { LiveView } from './live_view.js';
import { countsText, groups, hostSign, policyText, sign, work } from './rollout_model.js';
import { buttons } from './rollout_orders.js';
import { build } from './router.js';
import { micros } from './time.js';
import { progress, reasonOf } from './view_rollouts.js';

const MOST = 2000;
const NAMED = 30;
const AGAIN_MS = 15000;
const BAD = ['failed', 'lost'];
const UNDER_WAY = ['gate-before', 'job', 'gate-after', 'soak'];
const GROUPED = [['waiting', 'Waiting', 'their turn'], ['deferred', 'Deferred', ''], ['skipped', 'Skipped', '']];

export class RolloutView extends LiveView {
  constructor(app, id) {
    super(app, 500);
    this.id = id;
  }

  title() {
    return this.rollout ? `${work(this.rollout)} of ${this.rollout.hosts}` : 'Rollout';
  }

  async show() {
    const { store } = this.app;
    if (!store.sites.size) await store.readSites();
    await this.read();
    if (this.closed) return;
    document.title = `${this.title()} · netboot`;
    this.update();
    this.follow('kind=rollout.*', (ev) => { if (!ev.rollout || ev.rollout === this.id) this.soon(); });
  }

  async read() {
    this.rollout = await get(`/rollouts/${q(this.id)}`);
    this.hosts = await this.readHosts();
    this.readAt = performance.now();
  }

  // Of very many those that are shown: who failed as the nine-thousandth is not lost behind hosts that are well.
  async readHosts() {
    const { counts } = this.rollout;
    const path = `/rollouts/${q(this.id)}/hosts`;
    if (counts.total <= MOST) return getAll(path, MOST);
    const states = [...BAD, ...UNDER_WAY, ...GROUPED.map(([state]) => state)].filter((state) => counts[UNDER_WAY.includes(state) ? 'in_flight' : state] > 0);
    return (await Promise.all(states.map((state) => getAll(`${path}?state=${state}`, MOST)))).flat();
  }

  update() {
    redraw(this, [this.rollout, this.hosts], () => this.draw());
  }

  draw() {
    const r = this.rollout;
    clear(this.app.main, h('div', { class: 'head' }, h('h1', null, `${work(r)} of `, h('span', { class: 'mono' }, r.hosts)), badge(sign(r), r.state),
      h('p', { class: 'muted' }, r.reason, ' · by ', r.by, ' · ', when(r.created, 'UTC'), ' UTC')), h('div', { class: 'orders' }, buttons(r, () => this.soon())),
    h('div', { class: 'stack' }, r.why ? panel('Why', { class: 'why' }, reasonOf(r)) : null,
    panel('How far', {}, progress(r), h('p', null, countsText(r.counts), r.batch?.of ? ` · batch ${r.batch.n} of ${r.batch.of}` : '')),
    h('div', { class: 'columns' }, h('div', null, this.singly('Failed', BAD), this.singly('Under way', UNDER_WAY), GROUPED.map(([state, title, none]) => this.grouped(state, title, none))),
      h('div', null, this.order()))));
  }

  order() {
    const r = this.rollout;
    const at = (t) => (t ? when(t, 'UTC') : null);
    return panel('Order', {}, facts([['Id', h('code', null, r.id)], ['Schedule', r.schedule], ['Run of', r.nominal], ['Policy', policyText(r.policy)], ['Opens', at(r.opens)], ['Closes', at(r.closes)],
      ['Started', at(r.started)], ['Ended', at(r.ended)], ['Since', h('span', null, when(r.changed, 'UTC'), r.changed_by ? ` by ${r.changed_by}` : '')],
      ['Approved', r.approved ? `by ${r.approved.by}` : null]]));
  }

  singly(title, states) {
    const list = this.hosts.filter((x) => states.includes(x.state));
    if (!list.length) return null;
    return panel(title, {}, h('ul', { class: 'plain' }, list.slice(0, NAMED).map((x) => {
      const since = micros(x.since);
      return h('li', { 'data-row': true, class: 'rrow' }, badge(hostSign(x.state), x.state), ' ', h('a', { class: 'mono', href: build('host', x.host) }, x.host), ' ',
        x.job ? h('a', { href: build('job', x.job) }, 'job') : null, ' ', h('span', { class: 'num muted', dataset: states === UNDER_WAY ? { since } : {} }, states === UNDER_WAY ? '' : when(x.since, this.app.store.zone(x.site))),
        x.why ? h('span', { class: 'text' }, `${x.why.code}: ${x.why.text}`, x.why.next ? ` — ${x.why.next}` : '') : null);
    })), list.length > NAMED ? h('p', { class: 'hint' }, `and ${list.length - NAMED} more: netboot-ctl rollout hosts ${this.id}`) : null);
  }

  grouped(state, title, none) {
    const list = groups(this.hosts, state);
    if (!list.length) return null;
    return panel(title, {}, h('ul', { class: 'plain' }, list.map((g) => h('li', { 'data-row': true, class: 'rrow' }, badge(hostSign(state), count(g.hosts.length, 'host')), ' ',
      h('span', null, g.why ? `${g.why.code}: ${g.why.text}${g.why.next ? ` — ${g.why.next}` : ''}` : none),
      h('span', { class: 'text mono' }, g.hosts.slice(0, NAMED).join(' '), g.hosts.length > NAMED ? ` and ${g.hosts.length - NAMED} more` : '')))));
  }

  tick(now) {
    if (this.rollout && !this.rollout.ended) this.stale(AGAIN_MS);
    for (const el of this.app.main.querySelectorAll('[data-since]')) el.textContent = duration(now - Number(el.dataset.since));
  }

  up() {
    this.app.router.go('rollouts');
  }
}
