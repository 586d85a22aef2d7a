// SPDX-License-Identifier: GPL-3.0-or-later
// The fleet: counts to filter by, sites, a search, and every host in one list, what is stuck first. One reading of
// /fleet, then events; changes are drawn a few times a second, whatever number of events came.
import { now as serverNow } from './clock.js';
import { getAll } from './api.js';
import { h, icon, setClass, setText, announce, clear } from './dom.js';
import { parseQuery, select, stateOf, STATES } from './fleet_model.js';
import { count, duration } from './format.js';
import { build } from './router.js';
import { Stream } from './sse.js';
import { ago, local, micros, utc } from './time.js';
import { VirtualList } from './virtual.js';
import { flagWords } from './why_view.js';

const FLEET_EVENTS = 'kind=job.*,boot.*,power.*,agent.*,hold.*';
const READ_AGAIN_MS = 60000;
const READ_UNKNOWN_MS = 10000;
const DRAW_MS = 200;
const SAY_MS = 2000;
const WORDS = { stuck: 'stuck', failed: 'failed', busy: 'busy', locked: 'locked', idle: 'idle' };

function makeRow() {
  const part = (cls, tag = 'span') => h(tag, { class: cls });
  const r = { state: part('c-state'), host: part('c-host', 'a'), site: part('c-site'), what: part('c-what'), time: part('c-time'),
    why: part('c-why'), power: part('c-power'), seen: part('c-seen') };
  const el = h('div', { class: 'hostrow', role: 'row' },
    Object.entries(r).map(([name, node]) => h('div', { role: 'cell', class: `cell k-${name}` }, node)));
  el.parts = r;
  return el;
}

/** What the host is doing, and since when, of what. */
function doing(row, now) {
  if (row.state !== 'busy') return row.state === 'failed' ? [`${row.kind || 'job'} · ${row.stage || ''}`, sinceText(row, now)] : ['', ''];
  // Where the site is not heard the stage is known until then.
  const us = micros(row.since) === null ? null : (row.as_of ? micros(row.as_of) : now) - micros(row.since);
  const text = `${row.kind || 'job'} · ${row.stage || 'queued'}${row.attempt > 1 ? ` · attempt ${row.attempt}` : ''}`;
  return [text, row.deadline_us ? `${duration(us)} of ${duration(row.deadline_us)}` : duration(us)];
}

/** "code: reason", once where they say the same. */
function reasonOf(row) {
  const reason = row.reason || '';
  if (!row.code || reason.startsWith(row.code) || reason.replace(/ /g, '-') === row.code) return reason;
  return reason ? `${row.code}: ${reason}` : row.code;
}

function sinceText(row, now) {
  return row.since ? ago(row.since, now) : '';
}

function updateRow(el, item, index) {
  const { row, state } = item;
  const r = el.parts;
  const now = serverNow();
  const known = row.as_of ? `as of ${ago(row.as_of, now)}, site not heard since` : '';
  const why = [known, reasonOf(row) || flagWords(row.flags) || (state === 'stuck' ? 'deadline passed' : '')].filter(Boolean).join('; ');
  // A phone has no column for it: a second line, where it says more than the state does.
  setClass(el, `hostrow is-${state}${why && why !== 'deadline passed' ? ' has-why' : ''}${row.as_of ? ' is-old' : ''}`);
  el.setAttribute('aria-rowindex', index + 2);
  if (r.state.dataset.state !== state) {
    r.state.dataset.state = state;
    clear(r.state, h('span', { class: `badge s-${state}` }, icon(state), h('span', null, WORDS[state] || state)));
  }
  setText(r.host, row.host);
  const href = build('host', row.host);
  if (r.host.getAttribute('href') !== href) r.host.setAttribute('href', href);
  setText(r.site, row.site);
  const [what, time] = doing(row, now);
  setText(r.what, what);
  setText(r.time, time);
  setText(r.why, why);
  r.why.title = why;
  setText(r.power, row.power || '');
  setText(r.seen, row.last_seen ? ago(row.last_seen, now) : '');
  r.seen.title = utc(row.last_seen);
}

export class FleetView {
  constructor(app, arg, params) {
    this.app = app;
    this.store = app.store;
    this.takeParams(params);
  }

  title() {
    return 'Fleet';
  }

  takeParams(params) {
    this.filter = { states: new Set((params.state || '').split(',').filter((s) => STATES.includes(s))), site: params.site || '',
      query: parseQuery(params.q || ''), text: params.q || '' };
  }

  params(params) {
    this.takeParams(params);
    if (this.input && this.input !== document.activeElement) this.input.value = this.filter.text;
    this.draw();
  }

  async show() {
    const { fleet } = this.store;
    await Promise.all([fleet.fresh ? null : fleet.read(), this.readAgents()]);
    if (this.closed) return;
    this.build();
    this.draw();
    this.comeBack();
    this.listen();
    performance.mark('fleet-painted');
    this.timer = setInterval(() => this.readAgain(), READ_AGAIN_MS);
  }

  // From the host that was opened back to its row: the place in ten thousand is not to be looked for again.
  comeBack() {
    const left = this.store.fleetPlace;
    if (!left || left.address !== this.address()) return;
    window.scrollTo(0, left.y);
    this.list.paint();
    if (left.host) this.list.shown.get(left.host)?.querySelector('a')?.focus({ preventScroll: true });
  }

  // Hosts of a site whose agent is silent stand as they were seen last: that is to be seen with them.
  async readAgents() {
    const agents = await getAll('/agents');
    this.absent = new Map(agents.filter((a) => a.absent).map((a) => [a.site, a.last_seen]));
  }

  agentEvent(ev) {
    if (ev.kind === 'agent.absent') this.absent.set(ev.site, ev.at);
    else if (ev.kind === 'agent.back') this.absent.delete(ev.site);
    // Which rows are old news is the server's word.
    if (ev.kind === 'agent.absent' || ev.kind === 'agent.back') this.readSoon();
    this.drawSoon();
  }

  build() {
    this.input = h('input', { type: 'search', id: 'search', placeholder: 'name, site, stage, verdict …', value: this.filter.text,
      autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', oninput: () => this.onSearch() });
    this.chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'By state' });
    this.sites = h('div', { class: 'sites' });
    this.said = h('p', { class: 'said', role: 'status' });
    this.rows = h('div', { class: 'rows', role: 'rowgroup' });
    this.table = h('div', { class: 'fleet', role: 'table', 'aria-label': 'Hosts' },
      h('div', { role: 'rowgroup', class: 'hostrow heads' }, h('div', { role: 'row', 'aria-rowindex': 1 },
        ['State', 'Host', 'Site', 'Doing', 'For', 'Why', 'Power', 'Seen'].map((t, i) => h('div', { role: 'columnheader',
          class: `cell k-${['state', 'host', 'site', 'what', 'time', 'why', 'power', 'seen'][i]}` }, t)))), this.rows);
    this.list = new VirtualList(this.rows, makeRow, updateRow);
    clear(this.app.main, h('h1', { class: 'unseen' }, 'Fleet'),
      h('div', { class: 'fleethead sticky' }, this.chips, h('div', { class: 'searchbox' }, h('label', { class: 'unseen', for: 'search' }, 'Search hosts'), this.input)),
      this.sites, this.said, this.table);
  }

  onSearch() {
    const began = performance.now();
    this.filter.text = this.input.value;
    this.filter.query = parseQuery(this.input.value);
    this.remember();
    this.draw();
    this.filterMs = performance.now() - began;
    document.documentElement.dataset.filterMs = this.filterMs.toFixed(1);
  }

  wanted() {
    return { state: [...this.filter.states].join(','), site: this.filter.site, q: this.filter.text };
  }

  address() {
    return build('fleet', '', this.wanted());
  }

  remember() {
    this.app.router.replace('fleet', '', this.wanted());
  }

  toggle(state) {
    const { states } = this.filter;
    if (states.has(state)) states.delete(state);
    else states.add(state);
    this.remember();
    this.draw();
  }

  draw() {
    if (this.closed || !this.list) return;
    const now = serverNow();
    const { fleet } = this.store;
    const { all, sites } = fleet.counts(now);
    this.drawChips(all);
    this.drawSites(sites);
    const found = select(fleet.rows, fleet.hays, this.filter, now);
    for (const item of found) item.key = item.row.host;
    this.list.set(found);
    this.table.setAttribute('aria-rowcount', found.length + 1);
    const limited = this.filter.site || this.filter.states.size || this.filter.query.length;
    const none = fleet.rows.size ? 'No host is like that.' : 'There are no hosts yet: netboot-ctl apply, or Discovered.';
    setText(this.said, found.length ? (limited ? `${count(found.length, 'host')} of ${fleet.rows.size.toLocaleString('en')}` : count(found.length, 'host')) : none);
  }

  drawChips(all) {
    if (!this.chips.firstChild) {
      for (const state of STATES) {
        this.chips.append(h('button', { type: 'button', class: `chip s-${state}`, dataset: { state }, onclick: () => this.toggle(state) },
          icon(state), h('span', { class: 'n' }), h('span', null, WORDS[state])));
      }
    }
    for (const chip of this.chips.children) {
      const { state } = chip.dataset;
      setText(chip.querySelector('.n'), all[state].toLocaleString('en'));
      chip.setAttribute('aria-pressed', this.filter.states.has(state));
      chip.classList.toggle('zero', all[state] === 0);
    }
  }

  drawSites(sites) {
    const named = [...sites].sort((a, b) => this.absent.has(b[0]) - this.absent.has(a[0]) || (b[1].stuck + b[1].failed) - (a[1].stuck + a[1].failed) || a[0].localeCompare(b[0]));
    if (this.filter.site && !sites.has(this.filter.site)) named.push([this.filter.site, { stuck: 0, failed: 0, busy: 0, total: 0 }]);
    const key = JSON.stringify([named.map(([n, c]) => [n, c.stuck, c.failed, c.busy, c.total, this.absent.has(n)]), this.filter.site]);
    if (key === this.sitesKey) return;
    this.sitesKey = key;
    const focused = document.activeElement?.dataset?.site;
    const button = (name, label, c) => h('button', { type: 'button', class: 'site', dataset: { site: name }, 'aria-pressed': this.filter.site === name,
      onclick: () => {
        this.filter.site = this.filter.site === name ? '' : name;
        this.remember();
        this.draw();
      } }, h('span', { class: 'name' }, label), h('span', { class: 'total' }, c.total.toLocaleString('en')),
    this.absent.has(name) ? h('span', { class: 'bad' }, icon('stuck'), this.absent.get(name) ? h('time', { datetime: this.absent.get(name), title: utc(this.absent.get(name)) }, `not heard since ${local(this.absent.get(name), this.store.zone(name), serverNow())}`) : 'never heard') : null,
    c.stuck ? h('span', { class: 'bad' }, icon('stuck'), `${c.stuck} stuck`) : null,
    c.failed ? h('span', { class: 'bad' }, icon('failed'), `${c.failed} failed`) : null,
    c.busy ? h('span', { class: 'work' }, icon('busy'), `${c.busy} busy`) : null);
    clear(this.sites, named.map(([n, c]) => button(n, n, c)));
    this.sites.setAttribute('role', 'group');
    this.sites.setAttribute('aria-label', 'By site');
    if (focused) [...this.sites.children].find((b) => b.dataset.site === focused)?.focus();
  }

  listen() {
    this.stream = new Stream(FLEET_EVENTS, this.store.fleet.seq, {
      event: (ev) => {
        if (ev.kind.startsWith('agent.')) this.agentEvent(ev);
        if (ev.kind.startsWith('hold.')) this.app.hold.read();
        const before = this.store.fleet.rows.get(ev.host)?.state;
        if (!this.store.fleet.take(ev)) {
          if (ev.host && !this.store.fleet.rows.has(ev.host)) this.readSoon();
          return;
        }
        const after = this.store.fleet.rows.get(ev.host).state;
        if (before !== after && after === 'failed') this.failedSoon(ev.host);
        this.drawSoon();
      },
      state: (s, problem) => this.app.stream(s, problem),
      lower: () => {
        this.app.lower();
        this.stream.close();
        this.app.attempt(this, () => this.begin());
      },
      // After hours in the background the fleet is read, not told from last night on.
      wake: () => {
        if (this.store.fleet.fresh) return false;
        this.stream.close();
        this.app.attempt(this, () => this.begin());
        return true;
      },
    });
  }

  /** All of it anew, and the stream behind that. */
  async begin() {
    await this.store.fleet.read();
    if (this.closed) return;
    this.listen();
    this.draw();
  }

  // Many fail at once: said once in a while.
  failedSoon(host) {
    this.failed = [...(this.failed || []), host];
    this.saying ??= setTimeout(() => {
      announce(this.failed.length === 1 ? `${this.failed[0]} failed` : `${this.failed.length} hosts failed`);
      this.failed = null;
      this.saying = null;
    }, SAY_MS);
  }

  drawSoon() {
    this.drawing ??= setTimeout(() => {
      this.frame = requestAnimationFrame(() => {
        this.drawing = null;
        this.draw();
      });
    }, DRAW_MS);
  }

  // A host that is not known: at once, but not at each of its events, and not never while there are many.
  readSoon() {
    const wait = Math.max(500, (this.readNext || 0) - performance.now());
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.readNext = performance.now() + READ_UNKNOWN_MS;
      this.readAgain();
    }, wait);
  }

  async readAgain() {
    if (document.hidden || this.closed) return;
    const { fleet } = this.store;
    let ahead;
    try {
      [ahead] = await Promise.all([fleet.read(), this.readAgents()]);
    } catch (e) {
      if (e.status === undefined) throw e;
      return; // the stream says that the server is away
    }
    if (ahead && !this.closed) {
      this.stream.close();
      this.listen();
    }
    this.draw();
  }

  // Ages of the rows that are seen; all are gone through only where a deadline goes by.
  tick(now) {
    if (!this.list) return;
    const late = [...this.store.fleet.rows.values()].filter((row) => stateOf(row, now) === 'stuck').length;
    if (late === this.late) {
      this.list.paint();
      return;
    }
    this.late = late;
    this.draw();
  }

  search() {
    this.input?.focus();
    this.input?.select();
  }

  up() {
    if (!this.filter.text && !this.filter.states.size && !this.filter.site) return;
    this.filter.states.clear();
    this.filter.site = '';
    this.input.value = '';
    this.onSearch();
  }

  close() {
    this.closed = true;
    if (this.list) this.store.fleetPlace = { address: this.address(), y: window.scrollY, host: document.activeElement?.closest?.('[data-key]')?.dataset.key };
    clearInterval(this.timer);
    clearTimeout(this.soon);
    clearTimeout(this.drawing);
    clearTimeout(this.saying);
    cancelAnimationFrame(this.frame);
    this.stream?.close();
    this.list?.close();
  }
}
