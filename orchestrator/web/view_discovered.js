// SPDX-License-Identifier: GPL-3.0-or-later
// Machines that asked and are nobody's: what was seen of each, and a form that makes a host of one.
import { change, getMaybe, may, Once, q } from './api.js';
import { line } from './cli.js';
import { age, announce, badge, clear, empty, facts, h } from './dom.js';
import { openForm } from './dialog.js';
import { Stream } from './sse.js';

export class DiscoveredView {
  constructor(app) {
    this.app = app;
  }

  title() {
    return 'Discovered';
  }

  async show() {
    const { store } = this.app;
    const [page] = await Promise.all([getMaybe('/discovered?limit=500'), store.readSites(), store.readImages()]);
    if (this.closed) return;
    this.items = page?.items ?? null;
    this.next = page?.next;
    this.draw();
    this.stream ??= new Stream('kind=discovered.*', null, { event: () => this.soon(), state: (s) => this.app.stream(s) });
  }

  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.app.attempt(this, () => this.show());
    }, 500);
  }

  draw() {
    clear(this.app.main, h('h1', null, 'Discovered'), h('p', { class: 'muted' }, 'Machines that asked for a network boot and are in no inventory. They get what their site says, which is nothing unless it says otherwise.'),
      this.items === null ? empty('This server does not keep them.') : this.items.length ? h('ul', { class: 'cards' }, this.items.map((d) => this.card(d)))
        : empty('No unknown machine has asked.'));
  }

  card(d) {
    return h('li', { class: 'card', 'data-row': true }, h('div', { class: 'cardhead' }, h('h2', { class: 'mono' }, d.mac), badge('unknown', 'not adopted'), h('span', { class: 'muted' }, `${d.site} · `, age(d.last_seen))),
      facts([['Vendor', d.vendor], ['Architecture', d.arch], ['Asks as', d.vendor_class], ['Calls itself', d.hostname], ['Address', d.ip], ['UUID', d.uuid ? h('span', { class: 'mono' }, d.uuid) : null],
        ['Switch port', [d.circuit_id, d.remote_id].filter(Boolean).join(' · ')], ['Relay', d.relay], ['Interface', d.interface], ['DUID', d.duid ? h('span', { class: 'mono' }, d.duid) : null],
        ['Seen', `${d.seen} times, first `, age(d.first_seen)]]),
      may('operator') ? h('div', { class: 'buttons' }, may('admin') ? h('button', { type: 'button', class: 'primary', onclick: () => this.adopt(d) }, 'Adopt…') : null,
        h('button', { type: 'button', class: 'quiet', onclick: () => this.forget(d) }, 'Forget…')) : null);
  }

  async adopt(d) {
    const s = d.suggest || {};
    const once = new Once();
    const { store } = this.app;
    const images = store.images.filter((i) => i.kind === 'reinstall').map((i) => i.name);
    const made = await openForm({
      title: `Adopt ${d.mac}`, submit: 'Make it a host',
      intro: h('p', null, 'It becomes a host of the inventory; nothing is ordered for it.'),
      fields: [
        { name: 'name', label: 'Name', required: true, value: s.name || d.hostname, focus: true },
        { name: 'site', label: 'Site', required: true, value: s.site || d.site, options: [...store.sites.keys()] },
        { name: 'ip', label: 'Fixed address', value: s.nics?.[0]?.ip || '', hint: 'Empty: from the pool.' },
        { name: 'bmc', label: 'BMC address', value: s.bmc?.address || '', hint: 'Its password is given with netboot-ctl host set --bmc-password.' },
        { name: 'user', label: 'BMC user', value: s.bmc?.user || '' },
        { name: 'image', label: 'Installs', value: s.image || '', options: [{ value: '', label: 'nothing yet' }, ...images] },
        { name: 'reason', label: 'Reason', required: true, placeholder: 'INC-123: new in rack 4' },
      ],
      command: (v) => line(['discovered', 'adopt', d.mac, v.name || 'NAME'], { site: v.site, ip: v.ip, bmc: v.bmc, 'bmc-user': v.user, image: v.image, reason: v.reason || 'REASON' }),
      send: (v) => once.post(`/discovered/${q(d.mac)}/adopt`, { reason: v.reason, host: { ...s, name: v.name, site: v.site,
        nics: [{ ...(s.nics?.[0] || {}), mac: d.mac, boot: true, ...(v.ip ? { ip: v.ip } : {}) }],
        ...(v.bmc ? { bmc: { ...(s.bmc || {}), address: v.bmc, ...(v.user ? { user: v.user } : {}) } } : {}), ...(v.image ? { image: v.image } : {}) } }),
    });
    if (!made) return;
    announce(`${d.mac} is a host now`);
    this.app.router.go('host', made.name || made.host?.name);
  }

  async forget(d) {
    const done = await openForm({
      title: `Forget ${d.mac}`, submit: 'Forget it', intro: h('p', null, 'It comes back when it asks again.'), fields: [],
      command: () => line(['discovered', 'forget', d.mac]),
      send: async () => {
        await change('DELETE', `/discovered/${q(d.mac)}`);
        return true;
      },
    });
    if (done) this.soon();
  }

  up() {
    this.app.router.go('fleet');
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.stream?.close();
  }
}

