// SPDX-License-Identifier: GPL-3.0-or-later
// A view that is kept by reading: once its stream is open, after events, and each so often for what no event tells. One
// reading at a time, however many are asked for: while the server is away app.attempt() stays in it.
import { Stream } from './sse.js';

export class LiveView {
  /** A view has read(), which notes readAt, and update(). pause: from an event to the reading, in ms */
  constructor(app, pause) {
    this.app = app;
    this.pause = pause;
  }

  follow(query, onEvent) {
    this.stream = new Stream(query, null, { event: onEvent, state: (s, problem) => this.onState(s, problem), lower: () => this.app.lower() });
  }

  // What happened before the stream was open is read: nothing is missed, whatever broke in between.
  onState(state, problem) {
    this.streamState = state;
    this.app.stream(state, problem);
    if (state === 'live') this.soon();
  }

  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.again();
    }, this.pause);
  }

  async again() {
    if (this.reading) {
      this.missed = true;
      return;
    }
    this.reading = true;
    this.missed = false;
    try {
      await this.app.attempt(this, async () => {
        await this.read();
        if (!this.closed) this.update();
      });
    } finally {
      this.reading = false;
    }
    if (this.missed && !this.closed) this.soon();
  }

  /** Reads again what was read longer ago than that. */
  stale(ms) {
    if (!this.reading && performance.now() - (this.readAt || 0) > ms) this.soon();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.stream?.close();
  }
}
