// SPDX-License-Identifier: GPL-3.0-or-later
// The page's frame: navigation, session, theme, one stream of events for the view that is shown, one tick a second for
// what grows old. A view is a class with show() and close(); what else it may have is in View below.
import { logout, needLogin, onSession, readSession, setLogin, whoami } from './api.js';
import { known, now as serverNow } from './clock.js';
import { announce, clear, h, icon, refreshAges, setText } from './dom.js';
import { HoldBar } from './hold_bar.js';
import { listen, showHelp } from './keys.js';
import { askToken } from './login.js';
import { build, Router } from './router.js';
import { Store } from './store.js';
import { AuditView } from './view_audit.js';
import { BootView } from './view_boot.js';
import { DiscoveredView } from './view_discovered.js';
import { FleetView } from './view_fleet.js';
import { HostView } from './view_host.js';
import { InventoryView } from './view_inventory.js';
import { JobsView } from './view_jobs.js';
import { JobView } from './view_job.js';
import { RolloutView } from './view_rollout.js';
import { RolloutsView } from './view_rollouts.js';

// view: new V(app, arg, params); show() fills app.main; title() for the window; tick(now) each second; params(p) another
// filter of the same view; search(), up() and list for keys; close().
const VIEWS = { fleet: FleetView, host: HostView, boot: BootView, job: JobView, jobs: JobsView, rollout: RolloutView, rollouts: RolloutsView, discovered: DiscoveredView,
  audit: AuditView, inventory: InventoryView };
const NAV = [['fleet', 'Fleet'], ['jobs', 'Jobs'], ['rollouts', 'Rollouts'], ['discovered', 'Discovered'], ['audit', 'Audit'], ['inventory', 'Inventory']];
const PARENT = { host: 'fleet', boot: 'fleet', job: 'jobs', rollout: 'rollouts' };
const AWAY = 'The server is away. What is shown is from before; it goes on without loss when the server is back.';
const LOWER = 'The server was put back from a copy: what came after that copy is not known to it. What is shown was read anew.';
const STREAM_WORDS = { live: 'live', connecting: 'connecting', down: 'server away', refused: 'not live', paused: 'paused', none: '' };

class App {
  constructor() {
    this.main = document.getElementById('main');
    this.store = new Store();
    this.current = null;
    this.notices = {};
    this.hold = new HoldBar(document.getElementById('hold'));
    this.router = new Router((route) => this.show(route));
    this.status = h('span', { class: 'stream', 'data-state': 'none' });
    this.who = h('span', { class: 'who' });
    this.frame();
    setLogin(askToken);
    onSession(() => this.onSession());
    listen({ view: () => this.current, go: (v) => this.router.go(v), theme: () => this.theme() });
    setInterval(() => this.tick(), 1000);
  }

  frame() {
    clear(document.getElementById('nav'), NAV.map(([view, name]) => h('a', { href: build(view), dataset: { view } }, name)));
    const out = h('button', { type: 'button', class: 'quiet small', id: 'logout', onclick: () => this.leave() }, 'Sign out');
    this.out = out;
    clear(document.getElementById('tools'), this.status, this.who,
      h('button', { type: 'button', class: 'quiet small icononly', 'aria-label': 'Dark or light', title: 'Dark or light (t)',
        onclick: () => this.theme() }, icon('sun')),
      h('button', { type: 'button', class: 'quiet small icononly', 'aria-label': 'Keys', title: 'Keys (?)', onclick: showHelp }, '?'), out);
    document.getElementById('skip').addEventListener('click', (e) => {
      e.preventDefault();
      this.main.focus();
    });
  }

  async start() {
    for (let wait = 500; ; wait = Math.min(wait * 2, 10000)) {
      try {
        if ((await readSession()) === null) await needLogin();
        this.notice(null);
        break;
      } catch (e) {
        this.notice(`The server does not answer (${e.message}). Trying again.`);
        await new Promise((done) => { setTimeout(done, wait); });
      }
    }
    this.router.start();
    // The fleet tells the server's time, and is there when it is gone to.
    if (!known() && !(this.current instanceof FleetView)) {
      try {
        await this.store.fleet.read();
      } catch (e) {
        if (e.status === undefined) throw e;
      }
    }
  }

  onSession() {
    const who = whoami();
    this.out.hidden = who === null;
    // Another role is offered other buttons.
    if (who && this.role !== who.role && this.current?.update && this.current.drawn) {
      this.current.drawn = null;
      this.current.update();
    }
    if (who) this.role = who.role;
    clear(this.who, who ? [h('span', null, who.name.replace(/^token:/, '')), ' ', h('span', { class: 'role' }, who.role)] : null);
  }

  async show(route) {
    const Kind = Object.hasOwn(VIEWS, route.view) ? VIEWS[route.view] : null;
    if (this.current && !this.current.broken && Kind && this.current instanceof Kind && this.current.arg === route.arg && this.current.params) {
      this.current.params(route.params);
      return;
    }
    this.current?.close();
    this.current = null;
    this.stream('none');
    this.notice(null);
    this.notice(null, 'lower');
    this.hold.read();
    // A form that was left open is of the host that was shown.
    for (const form of document.querySelectorAll('dialog.form[open]')) form.close();
    for (const a of document.querySelectorAll('#nav a')) {
      if (a.dataset.view === (PARENT[route.view] || route.view)) a.setAttribute('aria-current', 'page');
      else a.removeAttribute('aria-current');
    }
    if (!Kind) {
      document.title = 'netboot';
      clear(this.main, h('h1', null, 'There is no such view'), h('p', null, h('a', { href: '#/fleet' }, 'To the fleet')));
      return;
    }
    const view = new Kind(this, route.arg, route.params);
    const focused = this.main.contains(document.activeElement);
    this.current = view;
    view.arg = route.arg;
    document.title = `${view.title()} · netboot`;
    this.main.setAttribute('aria-busy', 'true');
    window.scrollTo(0, 0);
    clear(this.main, h('p', { class: 'empty' }, 'Reading…'));
    await this.attempt(view, () => view.show());
    this.main.removeAttribute('aria-busy');
    if (this.current !== view) return;
    announce(view.title());
    // What had the focus is gone: the next key goes on in the view, not at the top of the page.
    if (focused && document.activeElement === document.body) this.main.focus({ preventScroll: true });
  }

  /** Runs it for a view; what fails is said, and tried again while the server is away. */
  async attempt(view, work) {
    for (let wait = 500; this.current === view; wait = Math.min(wait * 2, 10000)) {
      try {
        await work();
        if (this.current !== view) return;
        this.notice(null);
        if (view.said) clear(view.said);
        return;
      } catch (e) {
        if (this.current !== view) return;
        if (e.status === undefined) throw e;
        if (e.status !== 0 && e.status < 500) {
          this.refused(view, e);
          return;
        }
        this.notice(e.status === 0 ? AWAY : `${e.message}. Trying again; what is shown may be old.`);
        await new Promise((done) => { setTimeout(done, wait); });
      }
    }
  }

  // A view that has a place for it keeps its list and its filters; another one is drawn anew when it reads well again.
  refused(view, e) {
    const box = this.problem(e);
    if (view.said) {
      if (view.said.textContent !== box.textContent) clear(view.said, box);
      return;
    }
    view.broken = true;
    view.drawn = null;
    clear(this.main, h('h1', null, view.title()), box);
  }

  /** What a button does that needs the server: once at a time, and what fails is said. */
  async act(button, work) {
    if (button.disabled) return;
    button.disabled = true;
    try {
      await work();
    } catch (e) {
      if (e.status === undefined) throw e;
      this.notice(`${e.message}${e.next ? `. Next: ${e.next}` : ''}`);
    } finally {
      button.disabled = false;
      // A form gives the focus back when it closes, which a button that is disabled does not take.
      if (document.activeElement === document.body && button.isConnected) button.focus({ preventScroll: true });
    }
  }

  problem(e) {
    return h('div', { class: 'problem', role: 'alert' }, h('p', null, h('strong', null, e.code || 'failed'), ': ', e.message),
      e.next ? h('p', { class: 'next' }, 'Next: ', e.next) : null);
  }

  /** Of the stream and of readings apart: what one has to say is not wiped by the other. */
  notice(text, from = 'read') {
    this.notices[from] = text;
    const el = document.getElementById('notice');
    const shown = this.notices.stream || this.notices.read || this.notices.lower;
    setText(el, shown || '');
    el.hidden = !shown;
  }

  /** What the stream of the shown view is doing; `problem` where the server refuses it. */
  stream(state, problem) {
    this.status.dataset.state = state;
    setText(this.status, STREAM_WORDS[state] ?? state);
    this.status.title = state === 'live' ? 'changes are shown as they come' : '';
    if (state === 'down') this.notice(AWAY, 'stream');
    else if (state === 'refused') this.notice(`Changes do not show by themselves (${problem.code}): ${problem.message}.${problem.next ? ` Next: ${problem.next}.` : ''}`, 'stream');
    else if (state !== 'connecting') this.notice(null, 'stream');
  }

  /** The server's events have lower numbers than before. */
  lower() {
    this.notice(LOWER, 'lower');
    this.store.fleet.forget();
  }

  tick() {
    const now = serverNow();
    if (document.hidden) return;
    refreshAges(this.main, now);
    if (this.current) this.hold.tick(now);
    this.current?.tick?.(now);
  }

  theme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    try {
      localStorage.setItem('theme', root.dataset.theme);
    } catch {
      // Chosen for as long as the page is open.
    }
    announce(root.dataset.theme);
  }

  async leave() {
    try {
      await logout();
    } catch (e) {
      this.notice(e.message);
      return;
    }
    this.current?.close();
    this.current = null;
    this.store.forget();
    this.hold.forget();
    this.stream('none');
    clear(this.main);
    await this.start();
  }
}

new App().start();
