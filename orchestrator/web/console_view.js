// SPDX-License-Identifier: GPL-3.0-or-later
// The recording of a console as lines with their times. While the boot runs it is read again when something may have
// come, never more often than it takes. Lines are text and nothing else, whatever the machine wrote.
import { getOctets, q } from './api.js';
import { clear, h, setText } from './dom.js';
import { octets } from './format.js';
import { decode, Lines, squeeze } from './frames.js';
import { clock } from './time.js';

const SHOWN = 2000;
const EVERY_MS = 1500;
const SLOWEST_MS = 15000;

export class ConsoleView {
  constructor(zone) {
    this.zone = zone;
    this.recording = null;
    this.note = h('p', { class: 'hint' });
    this.out = h('div', { class: 'console', role: 'log', 'aria-label': 'Console', 'aria-live': 'off', tabindex: '0' });
    this.follow = h('input', { type: 'checkbox', id: 'follow', checked: true });
    this.node = h('section', { class: 'panel consolebox', 'aria-labelledby': 'console-title' }, h('div', { class: 'panelhead' }, h('h2', { id: 'console-title' }, 'Console'),
      h('span', { class: 'check' }, this.follow, h('label', { for: 'follow' }, 'stay at the end'))), this.out, this.note);
    // Who scrolls up stays there; lines that come and a window that turns scroll, too.
    this.place = { scrollTop: 0 };
    this.out.addEventListener('scroll', () => {
      const { scrollTop, scrollHeight, clientHeight } = this.out;
      const same = scrollHeight === this.place.scrollHeight && clientHeight === this.place.clientHeight;
      if (same && scrollTop < this.place.scrollTop && scrollHeight - scrollTop - clientHeight > 40) this.follow.checked = false;
      this.place = { scrollTop, scrollHeight, clientHeight };
    }, { passive: true });
    this.follow.addEventListener('change', () => this.toEnd());
  }

  /** The recording of this id, from its beginning where it is another one than before. */
  show(recording) {
    if (recording === this.recording) return;
    Object.assign(this, { recording, read: 0, count: 0, size: null, first: null, lines: new Lines() });
    clear(this.out);
    this.update();
  }

  toEnd() {
    if (!this.follow.checked) return;
    this.out.scrollTop = this.out.scrollHeight;
  }

  async update() {
    if (this.busy || this.closed) return;
    this.busy = true;
    const { recording } = this;
    const began = performance.now();
    try {
      const buffer = await getOctets(`/boots/${q(recording)}/console`);
      if (recording === this.recording) this.take(buffer);
    } catch (e) {
      if (e.status === undefined) throw e;
      if (this.read === 0 && recording === this.recording) setText(this.note, e.status === 404 ? 'Nothing is recorded of it: the site or the BMC has no console, or nothing has come yet.' : e.message);
    } finally {
      this.wait = Math.min(Math.max(EVERY_MS, 10 * (performance.now() - began)), SLOWEST_MS);
      this.busy = false;
    }
    if (recording !== this.recording) await this.update();
  }

  take(buffer) {
    if (buffer.byteLength === this.size) return;
    this.size = buffer.byteLength;
    const { frames, whole } = decode(buffer);
    for (const f of frames.slice(this.read)) this.lines.feed(f);
    this.read = frames.length;
    this.draw(whole);
  }

  draw(whole) {
    const all = squeeze(this.lines.all());
    const shown = all.slice(-SHOWN);
    // Lines only grow at the end: all but the last one shown stay as they are.
    const first = all.length - shown.length;
    if (first !== this.first) {
      clear(this.out);
      this.first = first;
      this.count = 0;
    }
    while (this.out.children.length >= Math.max(this.count, 1)) this.out.lastChild.remove();
    for (let i = this.out.children.length; i < shown.length; i += 1) this.out.append(this.line(shown[i]));
    this.count = shown.length;
    setText(this.note, shown.length === 0 ? 'It is recorded; nothing has come.' : `${octets(this.size)} recorded${first ? `; the last ${SHOWN} lines are shown, netboot-ctl console --replay has all` : ''}${whole ? '' : '; its end is damaged and not shown'}`);
    this.toEnd();
  }

  line(l) {
    return h('div', { class: l.mark ? 'l mark' : 'l' }, h('span', { class: 't' }, clock(l.at, this.zone)), l.mark ? `— ${l.mark} —` : l.text || ' ');
  }

  /** Reads again soon, while the boot runs. */
  again() {
    if (this.timer || this.closed) return;
    this.timer = setTimeout(async () => {
      this.timer = null;
      await this.update();
    }, this.wait || EVERY_MS);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }
}
