// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs, newest first, with what became of them; filters are in the address.
import { get, q } from './api.js';
import { now as serverNow } from './clock.js';
import { age, clear, empty, h, redraw } from './dom.js';
import { duration } from './format.js';
import { LiveView } from './live_view.js';
import { build } from './router.js';
import { micros } from './time.js';
import { jobBadge } from './why_view.js';

const PAGE = 100;
const MOST = 1000;
const KINDS = ['', 'reinstall', 'rescue', 'live', 'boot', 'reboot', 'power'];

export class JobsView extends LiveView {
  constructor(app, arg, params) {
    super(app, 400);
    this.filter = params;
    this.keep = 0;
  }

  title() {
    return 'Jobs';
  }

  params(params) {
    this.filter = params;
    this.keep = 0;
    this.fill();
    this.again();
  }

  query(cursor) {
    const { state, kind, hosts } = this.filter;
    return `/jobs?limit=${cursor ? PAGE : Math.min(MOST, Math.max(PAGE, this.keep))}${state ? `&state=${q(state)}` : ''}${kind ? `&kind=${q(kind)}` : ''}${hosts ? `&hosts=${q(hosts)}` : ''}${cursor ? `&cursor=${q(cursor)}` : ''}`;
  }

  async show() {
    if (!this.list) this.build();
    await this.again();
    this.follow('kind=job.*', () => this.soon());
  }

  async read() {
    const page = await get(this.query());
    this.jobs = page.items;
    this.next = page.next;
    this.keep = page.items.length;
  }

  build() {
    const set = (name) => (e) => this.app.router.go('jobs', '', { ...this.filter, [name]: e.target.value.trim() });
    const select = (name, label, options) => h('div', { class: 'inline' }, h('label', { for: `jobs-${name}` }, label), h('select', { id: `jobs-${name}`, onchange: set(name) },
      options.map((o) => h('option', { value: o, selected: o === (this.filter[name] || '') }, o || 'all'))));
    this.input = h('input', { id: 'jobs-hosts', type: 'search', value: this.filter.hosts || '', placeholder: 'edge[01-10]', onchange: set('hosts') });
    this.list = h('ul', { class: 'cards jobs' });
    this.foot = h('div');
    this.said = h('div');
    clear(this.app.main, h('h1', null, 'Jobs'), h('div', { class: 'filters' }, select('state', 'State', ['', 'open', 'ended']), select('kind', 'Kind', KINDS),
      h('div', { class: 'inline' }, h('label', { for: 'jobs-hosts' }, 'Hosts'), this.input)), this.said, this.list, this.foot);
  }

  /** The inputs say what the address does, also after the back button. */
  fill() {
    for (const name of ['state', 'kind', 'hosts']) document.getElementById(`jobs-${name}`).value = this.filter[name] || '';
  }

  update() {
    redraw(this, [this.jobs, this.next], () => this.draw());
  }

  draw() {
    const now = serverNow();
    const focused = document.activeElement?.getAttribute('href');
    clear(this.list, this.jobs.map((j) => {
      const us = j.ended ? micros(j.ended) - micros(j.created) : now - micros(j.created);
      return h('li', { 'data-row': true, class: `jobrow js-${j.state}` }, jobBadge(j), h('a', { href: build('job', j.id), class: 'mono' }, j.host),
        h('span', { class: 'what' }, `${j.kind}${j.image && j.image !== j.kind ? ` ${j.image}` : ''}`, j.ended ? '' : ` · ${j.stage}`), h('span', { class: 'num muted', dataset: j.ended ? {} : { since: micros(j.created) } }, duration(us)),
        h('span', { class: 'muted' }, age(j.created), ' by ', j.by),
        j.as_of ? h('span', { class: 'bad' }, 'as of ', age(j.as_of), ': site not heard since') : null, h('span', { class: 'text' }, j.verdict ? `${j.verdict.code}: ${j.verdict.text}` : j.reason));
    }), this.jobs.length ? null : h('li', null, empty('No job is like that.')));
    [...this.list.querySelectorAll('a')].find((a) => a.getAttribute('href') === focused)?.focus();
    clear(this.foot, this.next ? h('button', { type: 'button', class: 'quiet', onclick: (e) => this.app.act(e.currentTarget, async () => {
      const page = await get(this.query(this.next));
      this.jobs.push(...page.items);
      this.next = page.next;
      this.keep = this.jobs.length;
      this.update();
    }) }, 'Older jobs') : null);
  }

  tick(now) {
    for (const el of this.list?.querySelectorAll('[data-since]') || []) el.textContent = duration(now - Number(el.dataset.since));
  }

  search() {
    this.input?.focus();
  }
}
