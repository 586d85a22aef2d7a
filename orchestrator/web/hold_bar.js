// SPDX-License-Identifier: GPL-3.0-or-later
// The bar at the top while something is stopped: what, since when, who and why. It is read with each view, when the stream says that
// something was stopped or is over, and each so often for views whose stream does not say that.
import { get } from './api.js';
import { age, clear, h, refreshAges, when } from './dom.js';
import { held } from './hold_model.js';

const READ_MS = 15000;

export class HoldBar {
  constructor(el) {
    this.el = el;
    this.shown = '[]';
    this.readAt = -READ_MS;
  }

  async read() {
    this.readAt = performance.now();
    try {
      this.draw(held(await get('/stop')));
    } catch (e) {
      // That the server is away, or the session over, the view says; what was stopped is so still.
      if (e.status === undefined) throw e;
    }
  }

  draw(list) {
    const shown = JSON.stringify(list);
    if (shown === this.shown) return;
    this.shown = shown;
    clear(this.el, list.map((x) => h('p', null, h('strong', null, x.what), ' since ', when(x.at), ' UTC (', age(x.at), `) by ${x.by}: ${x.reason}`)));
    this.el.hidden = list.length === 0;
  }

  tick(now) {
    refreshAges(this.el, now);
    if (performance.now() - this.readAt > READ_MS) this.read();
  }

  forget() {
    this.draw([]);
  }
}
