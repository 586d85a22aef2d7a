// SPDX-License-Identifier: GPL-3.0-or-later
// Images with their files and digests and how far they are at sites, sites with their agents, and what `doctor` finds.
import { change, get, getAll, may, q } from './api.js';
import { age, badge, clear, empty, facts, h, panel, setText } from './dom.js';
import { duration, octets, short } from './format.js';
import { byImage, summary } from './place_model.js';
import { build } from './router.js';

const SITES_SHOWN = 20;
const LEVELS = { ok: 'ok', warn: 'stuck', fail: 'failed' };

export class InventoryView {
  constructor(app) {
    this.app = app;
  }

  title() {
    return 'Images and sites';
  }

  async show() {
    const { store } = this.app;
    const [images, sites, agents, places] = await Promise.all([store.readImages(), store.readSites(), getAll('/agents'), getAll('/images/status')]);
    if (this.closed) return;
    this.agents = new Map(agents.map((a) => [a.site, a]));
    this.places = byImage(places);
    this.findings = h('div', null, h('p', { class: 'muted' }, 'Looking…'));
    clear(this.app.main, h('h1', null, 'Images and sites'), h('div', { class: 'columns' },
      h('div', null, panel('Images', {}, images.length ? h('ul', { class: 'cards' }, images.map((i) => this.image(i))) : empty('There are none: netboot-ctl image import.'))),
      h('div', null, panel('Sites', {}, sites.size ? h('ul', { class: 'cards' }, [...sites.values()].map((s) => this.site(s))) : empty('There are none: netboot-ctl site add.')),
        panel('Doctor', {}, this.findings))));
    this.doctor();
  }

  async doctor() {
    try {
      const { findings } = await get('/doctor');
      const bad = findings.filter((f) => f.level !== 'ok');
      clear(this.findings, bad.length ? h('ul', { class: 'plain' }, bad.map((f) => h('li', null, badge(LEVELS[f.level] || 'unknown', f.level), ' ', h('strong', null, f.check), `: ${f.text}`,
        f.next ? h('p', { class: 'next' }, 'Next: ', f.next) : null))) : badge('ok', `${findings.length} checks, nothing wrong`));
    } catch (e) {
      if (e.status === undefined) throw e;
      setText(this.findings, e.message);
    }
  }

  image(i) {
    const files = [['kernel', i.kernel], ...(i.initrds || []).map((f) => ['initrd', f]), ...(i.files || []).map((f) => [f.template ? 'template' : 'file', f])];
    const result = h('span', { role: 'status' });
    const verify = may('operator') ? h('button', { type: 'button', class: 'quiet small', 'aria-label': `Verify the files of ${i.name}`, onclick: async () => {
      verify.disabled = true;
      setText(result, 'Reading every file…');
      try {
        const v = await change('POST', `/images/${q(i.name)}/verify`, {});
        clear(result, v.ok ? badge('ok', 'files are as they were') : badge('failed', `changed: ${v.files.filter((f) => !f.ok).map((f) => f.path).join(', ')}`));
      } catch (e) {
        setText(result, e.message);
      }
      verify.disabled = false;
    } }, 'Verify') : null;
    return h('li', { class: 'card', 'data-row': true }, h('div', { class: 'cardhead' }, h('h3', { class: 'mono' }, i.name), h('span', { class: 'tag' }, i.kind), verify, result),
      h('ul', { class: 'plain files' }, files.map(([role, f]) => h('li', null, h('span', { class: 'tag' }, role), h('span', { class: 'mono path' }, f.path), h('span', { class: 'muted' }, ` ${octets(f.size)} `),
        h('code', { title: `SHA-256 ${f.sha256}` }, short(f.sha256)), f.url ? h('span', { class: 'mono path' }, ` ${f.url}`) : null))),
      facts([['Arguments', i.args ? h('code', { class: 'args' }, i.args) : null], ['Reports', (i.reports || []).join(', ')], ['NFS root', i.nfs_root]]),
      this.places.has(i.name) ? this.atSites(i.name, this.places.get(i.name)) : h('p', { class: 'muted' }, 'No site is to hold it.'));
  }

  atSites(name, rows) {
    const more = rows.length - SITES_SHOWN;
    return h('div', null, h('p', { class: 'muted' }, summary(rows)), h('ul', { class: 'plain files', 'aria-label': `${name} at sites` }, rows.slice(0, SITES_SHOWN).map((r) => h('li', null,
      badge(r.sign, r.word), ' ', h('strong', null, r.site), r.placed ? h('span', { class: 'tag' }, 'placed') : null, h('span', { class: 'muted' }, r.detail ? ` ${r.detail}` : '', r.at ? [' · as of ', age(r.at)] : '', r.absent ? ', site not heard since' : ''),
      r.why ? h('p', null, r.why) : null, r.next ? h('p', { class: 'next' }, 'Next: ', r.next) : null))),
    more > 0 ? h('p', { class: 'muted' }, `${more} more: netboot-ctl image status ${name}`) : null);
  }

  site(s) {
    const a = this.agents.get(s.name);
    const state = !a || !a.last_seen ? badge('unknown', 'no agent yet') : a.absent ? badge('stuck', 'agent absent') : badge('ok', 'agent here');
    return h('li', { class: 'card', 'data-row': true }, h('div', { class: 'cardhead' }, h('h3', null, h('a', { href: build('fleet', '', { site: s.name }) }, s.name)), state),
      facts([['Zone', s.timezone], ['Heard', a?.last_seen ? age(a.last_seen) : null], ['Lag', a && a.lag > 60 ? duration(a.lag * 1e6) : null],
        ['Table', a && !a.table_current && a.last_seen ? 'not the present one yet' : null], ['BMCs', a?.bmc_stop ? `not asked: ${a.bmc_stop.next}` : null],
        ['Served by', a?.confirmed_by === 'logs' ? 'its own servers' : null], ['URL', s.url], ['Subnets', (s.subnets || []).map((n) => h('span', { class: 'tag mono' }, n.prefix))],
        ['Unknown machines', s.answer_unknown ? 'served from the pool' : 'ignored'], ['Idle', s.idle]]));
  }

  up() {
    this.app.router.go('fleet');
  }

  close() {
    this.closed = true;
  }
}
