// SPDX-License-Identifier: GPL-3.0-or-later
// One boot: outcome and verdict, the waterfall of stages, BMC calls and transfers, the console beside it. Live while it
// runs: events of the boot and its job ask for the trace again, bars grow by the clock in between.
import { get, getMaybe, q } from './api.js';
import { now as serverNow } from './clock.js';
import { clear, facts, h, moment, panel, redraw, when } from './dom.js';
import { ConsoleView } from './console_view.js';
import { duration, octets, short } from './format.js';
import { LiveView } from './live_view.js';
import { build } from './router.js';
import { micros } from './time.js';
import { WaterfallView } from './waterfall_view.js';
import { flagTags, outcomeBadge, verdictBox, whyPanel } from './why_view.js';

const AGAIN_MS = 300;
// A stall sends no event: what runs is asked about anew.
const STALL_MS = 15000;
const LAST_WORDS_US = 600e6;

export class BootView extends LiveView {
  constructor(app, id) {
    super(app, AGAIN_MS);
    this.id = id;
  }

  title() {
    return this.boot ? `Boot of ${this.boot.host}` : 'Boot';
  }

  async show() {
    const { store } = this.app;
    if (!store.sites.size) await store.readSites();
    await this.read();
    if (this.closed) return;
    const zone = store.zone(this.boot.site);
    this.zone = zone;
    document.title = `${this.title()} · netboot`;
    this.water = new WaterfallView(zone);
    this.console = new ConsoleView(zone);
    this.said = h('div');
    this.head = h('div', { class: 'head' });
    this.side = h('div');
    this.verdict = h('div', { class: 'lead' });
    this.marks = h('div');
    clear(this.app.main, this.said, this.head, this.verdict, h('div', { class: 'bootcolumns' },
      h('div', null, panel('Waterfall', { class: 'waterpanel' }, this.water.node), this.side), h('div', null, this.console.node, this.marks)));
    this.update();
    // The host's events: stages of its job carry the job's id before they carry the boot's.
    this.follow(`host=${q(this.boot.host)}`, (ev) => this.onEvent(ev));
  }

  async read() {
    const id = q(this.id);
    const [trace, why] = await Promise.all([get(`/boots/${id}/trace`), getMaybe(`/why?of=${id}`)]);
    this.trace = trace;
    this.boot = trace.boot;
    this.why = why;
    if (this.boot.files === undefined) this.boot = { ...this.boot, ...(await get(`/boots/${id}`)) };
    this.readAt = performance.now();
  }

  /** When its site was heard last, where it is not heard and the boot is not known to have ended: what lasts is known until then. */
  get asOf() {
    return this.running ? micros(this.why?.as_of) : null;
  }

  get running() {
    return !this.trace.ended && !this.boot.ended;
  }

  // A boot's recording ends some seconds after the boot, and no event tells of it.
  get recorded() {
    const { console: c, ended } = this.boot;
    return Boolean(c) && !c.ended && c.of !== 'between-jobs' && (!ended || serverNow() - micros(ended) < LAST_WORDS_US);
  }

  onEvent(ev) {
    if (ev.boot && ev.boot !== this.id) return;
    if (ev.kind.startsWith('sol.') || this.running) this.console.again();
    this.soon();
  }

  update() {
    redraw(this, [this.trace, this.why, this.boot], () => this.draw());
    // A boot that nobody ordered is in the recording that runs between jobs, where there is one.
    this.console.show(this.boot.console?.id ?? this.id);
    if (this.wasRecorded && !this.recorded) this.console.again();
    this.wasRecorded = this.recorded;
  }

  draw() {
    const b = this.boot;
    const until = this.asOf ?? serverNow();
    const us = micros(b.began) === null ? null : (micros(b.ended) ?? until) - micros(b.began);
    this.length = h('span', { class: 'num' }, duration(us));
    clear(this.head, h('h1', null, 'Boot of ', h('a', { href: build('host', b.host), class: 'mono' }, b.host)), outcomeBadge(b), flagTags(b.flags),
      h('p', { class: 'muted' }, when(b.began, this.zone), ' · ', this.length, ` · ${b.kind || (b.planned ? 'ordered' : 'nobody ordered it')}`, b.image ? ` ${b.image}` : '',
        b.attempt > 1 ? ` · attempt ${b.attempt}` : '', ` · ${this.zone}`, b.by ? ` · by ${b.by}: ${b.reason}` : '',
        b.job ? [' · ', h('a', { href: build('job', b.job) }, 'its job')] : null),
      this.asOf ? h('p', { class: 'bad' }, 'As of ', when(this.why.as_of, this.zone), ': the site is not heard since') : null);
    this.water.draw(this.trace, until);
    clear(this.verdict, whyPanel(this.why, this.zone, false) || (b.verdict ? panel('Why', { class: 'why' }, verdictBox(b.verdict)) : null));
    clear(this.side, this.details());
    clear(this.marks, this.seen());
  }

  details() {
    const b = this.boot;
    return panel('Seen of it', {}, facts([['Trigger', b.trigger], ['MAC', b.mac], ['Address', [b.ip, b.ip6].filter(Boolean).join(', ')], ['Architecture', b.arch],
      ['Firmware', b.vendor_class], ['Loader', b.loader], ['Octets', b.octets ? octets(b.octets) : null], ['Text', b.text]]),
    b.files?.length ? [h('h3', null, 'Let go to it'), h('ul', { class: 'plain' }, b.files.map((f) => h('li', null, h('span', { class: 'tag' }, f.role), h('span', { class: 'mono' }, f.name),
      h('span', { class: 'muted' }, ` ${octets(f.size)} `), h('code', { title: `SHA-256 ${f.sha256}` }, short(f.sha256)))))] : null);
  }

  seen() {
    const marks = this.trace.marks || [];
    if (!marks.length) return null;
    return panel('What was seen', {}, h('ol', { class: 'evidence tall', tabindex: '0' }, marks.map((m) => h('li', null, moment(m.at, this.zone), h('span', { class: 'kind' }, m.kind),
      h('span', { class: 'text' }, m.text)))));
  }

  tick(now) {
    if (!this.water || !(this.running || this.recorded)) return;
    if (this.running) {
      const until = this.asOf ?? now;
      this.water.draw(this.trace, until);
      this.length.textContent = duration(until - micros(this.boot.began));
    }
    if (this.streamState === 'live') this.console.again();
    this.stale(STALL_MS);
  }

  up() {
    if (this.boot) this.app.router.go('host', this.boot.host);
    else this.app.router.go('fleet');
  }

  close() {
    super.close();
    this.console?.close();
  }
}
