// SPDX-License-Identifier: GPL-3.0-or-later
// The stream of events, without loss: it begins behind a number, remembers the last one, and goes on there whatever
// happened between. A browser allows few connections to one server, so a page has one stream, of the view that is
// shown, and none while it is hidden for long; never two at once, whatever comes together. States: live, connecting,
// down, refused (with the server's problem, which an EventSource does not tell), paused.
import { ApiError, needLogin, readSession, refusal } from './api.js';

const RETRY_FIRST = 500;
const RETRY_MAX = 10000;
const HIDDEN_FOR = 60000;
// The server says each 15 s that it is there.
const SILENT_FOR = 45000;
const LOOK_MS = 15000;

export class Stream {
  /** query: further parameters ("kind=…"); after: the last number known; on: {event, state(state, problem), lower(): the
   * server counts from lower on than it did, wake() -> true: it is closed instead} */
  constructor(query, after, on) {
    this.query = query;
    this.after = after;
    // Who began without a number reads anew when the stream opens, and is told what comes then, whatever the numbers are.
    this.counts = after !== null;
    this.on = on;
    this.retry = RETRY_FIRST;
    this.failed = 0;
    this.source = null;
    this.timer = null;
    this.asking = false;
    this.closed = false;
    this.hidden = () => this.onVisibility();
    document.addEventListener('visibilitychange', this.hidden);
    // A page that was left may be kept for the back button, and its connection with it: six of them, and no other page reads.
    this.left = () => this.pause();
    window.addEventListener('pagehide', this.left);
    window.addEventListener('pageshow', this.hidden);
    // A connection that died without a word (a network that changed, a sleep) looks like one on which nothing happens.
    this.looking = setInterval(() => this.look(), LOOK_MS);
    this.open();
  }

  look() {
    if (this.state === 'live' && performance.now() - this.heardAt > SILENT_FOR) this.open();
  }

  say(state, problem) {
    if (this.state === state) return;
    this.state = state;
    this.on.state?.(state, problem);
  }

  get path() {
    return `/events?follow=1${this.counts ? `&after=${this.after}` : ''}${this.query ? `&${this.query}` : ''}`;
  }

  open() {
    clearTimeout(this.timer);
    this.source?.close();
    this.say('connecting');
    const source = new EventSource(`/api/v1${this.path}`);
    this.source = source;
    source.onopen = () => {
      if (source !== this.source) return;
      this.retry = RETRY_FIRST;
      this.failed = 0;
      this.heardAt = performance.now();
      this.say('live');
    };
    source.onmessage = (m) => {
      if (source === this.source) this.take(m);
    };
    source.addEventListener('beat', (m) => {
      if (source === this.source) this.onBeat(m);
    });
    source.onerror = () => this.onError(source);
  }

  // The server is there, and so far. A number below what was told already: it was put back from a copy.
  onBeat(message) {
    this.heardAt = performance.now();
    const before = this.after;
    this.after = Number(message.lastEventId);
    if (before !== null && this.after < before) this.on.lower?.();
  }

  take(message) {
    this.heardAt = performance.now();
    const seq = Number(message.lastEventId);
    // After a reconnection a server may repeat; numbers only grow.
    if (seq && this.counts && seq <= this.after) return;
    if (seq) this.after = seq;
    let event;
    try {
      event = JSON.parse(message.data);
    } catch {
      return;
    }
    this.on.event(event);
  }

  // A browser tries again by itself after a broken connection, but not after an answer that is no stream.
  onError(source) {
    if (this.closed || source !== this.source) return;
    this.failed += 1;
    if (this.state !== 'refused') this.say('down');
    source.close();
    this.source = null;
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), this.retry);
    this.retry = Math.min(this.retry * 2, RETRY_MAX);
  }

  // One attempt at a time: it may stand behind the login for hours, while the window is hidden and shown again.
  async again() {
    if (this.closed || this.asking) return;
    this.asking = true;
    let good = true;
    let problem = null;
    try {
      if ((await readSession()) === null) await needLogin();
      // With a good session, twice: the stream itself is not given.
      if (this.failed > 1) problem = await refusal(this.path);
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      good = e.status === 404;
    } finally {
      this.asking = false;
    }
    if (this.closed || this.state === 'paused') return;
    if (problem) this.say('refused', problem);
    if (good && !problem) this.open();
    else this.later();
  }

  onVisibility() {
    clearTimeout(this.hideTimer);
    if (document.hidden) {
      this.hideTimer = setTimeout(() => this.pause(), HIDDEN_FOR);
    } else if (this.state === 'paused') {
      this.say('connecting');
      // Who knows better than to be told all that happened since begins a stream of its own.
      if (this.on.wake?.()) return;
      if (!this.asking) this.open();
    } else if (!this.source && !this.asking) {
      this.open();
    }
  }

  pause() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
    this.say('paused');
  }

  close() {
    this.closed = true;
    clearInterval(this.looking);
    clearTimeout(this.timer);
    clearTimeout(this.hideTimer);
    document.removeEventListener('visibilitychange', this.hidden);
    window.removeEventListener('pagehide', this.left);
    window.removeEventListener('pageshow', this.hidden);
    this.source?.close();
    this.source = null;
  }
}
