// SPDX-License-Identifier: GPL-3.0-or-later
// Machines that asked and are nobody's: what was seen of each, and a form that makes a host of one.
import { change, getAll, may, Once, q } from './api.js';
import { line } from './cli.js';
import { age, announce, badge, clear, empty, facts, h, redraw } from './dom.js';
import { openForm } from './dialog.js';
import { count } from './format.js';
import { LiveView } from './live_view.js';

const MOST = 20000;
const SHOWN = 200;
const AGAIN_MS = 60000;
const REASON = { name: 'reason', label: 'Reason', required: true };

export class DiscoveredView extends LiveView {
  constructor(app) {
    super(app, 1000);
  }

  title() {
    return 'Discovered';
  }

  async show() {
    await this.read();
    if (this.closed) return;
    this.update();
    this.follow('kind=discovered.*', () => this.soon());
  }

  /** All of them, who was heard last first: the machine that was switched on a minute ago is looked for. */
  async read() {
    const items = await getAll('/discovered', MOST);
    this.full = items.length >= MOST;
    this.items = items.sort((a, b) => (a.last_seen < b.last_seen ? 1 : -1));
    this.readAt = performance.now();
  }

  // One that is heard again is no event.
  tick() {
    this.stale(AGAIN_MS);
  }

  update() {
    redraw(this, [this.items, this.text], () => this.draw());
  }

  // Words that are all in it, whatever of it they are of.
  like(d) {
    const { suggest, ...rest } = d;
    const hay = Object.values(rest).concat(suggest?.host || '').join(' ').toLowerCase();
    return (this.text || '').toLowerCase().split(/\s+/).every((w) => hay.includes(w));
  }

  search() {
    this.input?.focus();
  }

  draw() {
    const like = this.items.filter((d) => this.like(d));
    const shown = like.slice(0, SHOWN);
    const typing = document.activeElement === this.input && this.input;
    this.input ??= h('input', { id: 'discovered-search', type: 'search', autocomplete: 'off', spellcheck: 'false', placeholder: 'MAC, site, vendor, switch port …',
      oninput: () => {
        this.text = this.input.value;
        this.update();
      } });
    clear(this.app.main, h('h1', null, 'Discovered'), h('p', { class: 'muted' }, 'Machines that asked for a network boot and are in no inventory. They get what their site says, which is nothing unless it says otherwise.'),
      h('div', { class: 'filters' }, h('div', { class: 'inline' }, h('label', { for: 'discovered-search' }, 'Search'), this.input)),
      h('p', { class: 'said', role: 'status' }, this.items.length ? `${count(like.length, 'machine')}${this.full ? ' of those read; there are more' : ''}${like.length > shown.length ? `; the ${SHOWN} heard last are shown, the search finds the others` : ''}` : ''),
      shown.length ? h('ul', { class: 'cards' }, shown.map((d) => this.card(d))) : empty(this.items.length ? 'None is like that.' : 'No unknown machine has asked.'));
    if (typing) typing.focus({ preventScroll: true });
  }

  card(d) {
    return h('li', { class: 'card', 'data-row': true }, h('div', { class: 'cardhead' }, h('h2', { class: 'mono' }, d.mac), badge('unknown', 'not adopted'), h('span', { class: 'muted' }, `${d.site} · `, age(d.last_seen))),
      facts([['Vendor', d.vendor], ['Architecture', d.arch], ['Asks as', d.vendor_class], ['Calls itself', d.hostname], ['Address', d.ip], ['UUID', d.uuid ? h('span', { class: 'mono' }, d.uuid) : null],
        ['Switch port', [d.circuit_id, d.remote_id].filter(Boolean).join(' · ')], ['Relay', d.relay], ['Interface', d.interface], ['DUID', d.duid ? h('span', { class: 'mono' }, d.duid) : null],
        ['Seen', `${d.seen} times, first `, age(d.first_seen)]]),
      d.suggest?.why ? h('p', { class: 'warn' }, d.suggest.why) : null,
      may('operator') ? h('div', { class: 'buttons' }, may('admin') ? h('button', { type: 'button', class: 'primary', onclick: (e) => this.app.act(e.currentTarget, () => this.adopt(d)) }, 'Adopt…') : null,
        may('admin') && d.suggest?.host ? h('button', { type: 'button', onclick: () => this.give(d) }, `A card of ${d.suggest.host}…`) : null,
        h('button', { type: 'button', class: 'quiet', onclick: () => this.forget(d) }, 'Forget…')) : null);
  }

  post(once, d, body) {
    return once.post(`/discovered/${q(d.mac)}/adopt?site=${q(d.site)}`, body);
  }

  /** It becomes a host. What was seen of it (site, card, UUID, firmware) the server knows; the form asks for the rest. */
  async adopt(d) {
    const once = new Once();
    const images = (await this.app.store.readImages()).filter((i) => i.kind === 'reinstall').map((i) => i.name);
    const made = await openForm({
      title: `Adopt ${d.mac}`, submit: 'Make it a host',
      intro: h('p', null, `It becomes a host of ${d.site}; nothing is ordered for it.`),
      fields: [
        { name: 'name', label: 'Name', required: true, placeholder: d.hostname, focus: true },
        { name: 'ip', label: 'Fixed address', hint: 'Empty: from the pool.' },
        { name: 'bmc', label: 'BMC address', hint: 'Its password is given with netboot-ctl host set --bmc-password.' },
        { name: 'user', label: 'BMC user' },
        { name: 'image', label: 'Installs', value: '', options: [{ value: '', label: 'nothing yet' }, ...images] },
        { ...REASON, placeholder: 'INC-123: new in rack 4' },
      ],
      command: (v) => line(['discovered', 'adopt', d.mac, v.name || 'NAME'], { site: d.site, nic: v.ip ? `${d.mac},ip=${v.ip},boot` : '', bmc: v.bmc,
        'bmc-user': v.bmc ? v.user : '', image: v.image, reason: v.reason || 'REASON' }),
      send: (v) => this.post(once, d, { reason: v.reason, host: { name: v.name,
        ...(v.ip ? { nics: [{ mac: d.mac, ip: v.ip, boot: true }] } : {}),
        ...(v.bmc ? { bmc: { address: v.bmc, ...(v.user ? { user: v.user } : {}) } } : {}), ...(v.image ? { image: v.image } : {}) } }),
    });
    if (!made) return;
    announce(`${d.mac} is a host now`);
    this.app.router.go('host', made.name);
  }

  /** It is another card of a host that is there. */
  async give(d) {
    const once = new Once();
    const { host } = d.suggest;
    const made = await openForm({
      title: `Give ${d.mac} to ${host}`, submit: 'It is a card of it', intro: h('p', null, d.suggest.why), fields: [{ ...REASON, focus: true }],
      command: (v) => line(['discovered', 'adopt', d.mac], { to: host, site: d.site, reason: v.reason || 'REASON' }),
      send: (v) => this.post(once, d, { host: { name: host }, to: true, reason: v.reason }),
    });
    if (made) this.app.router.go('host', host);
  }

  async forget(d) {
    const done = await openForm({
      title: `Forget ${d.mac}`, submit: 'Forget it', intro: h('p', null, 'It comes back when it asks again.'), fields: [],
      command: () => line(['discovered', 'forget', d.mac], { site: d.site }),
      send: async () => {
        await change('DELETE', `/discovered/${q(d.mac)}?site=${q(d.site)}`);
        return true;
      },
    });
    if (done) this.soon();
  }

  up() {
    this.app.router.go('fleet');
  }
}

