// SPDX-License-Identifier: GPL-3.0-or-later
// The stream and the session, with an EventSource, a document and a server that are played.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

const made = [];
globalThis.EventSource = class {
  constructor(url) {
    this.url = url;
    this.open = true;
    made.push(this);
  }

  close() {
    this.open = false;
  }
};
const heard = new Set();
globalThis.document = { hidden: false, addEventListener: (k, f) => heard.add(f), removeEventListener: (k, f) => heard.delete(f) };
globalThis.window = { addEventListener() {} };
let answer = () => new Response('{}');
const asked = [];
globalThis.fetch = async (path, options) => {
  asked.push({ path, ...options });
  return answer(path, options);
};

const api = await import('./api.js');
const { Stream } = await import('./sse.js');
const open = () => made.filter((s) => s.open).length;
const settle = async () => { for (let i = 0; i < 20; i += 1) await turn(); };

function toggle() {
  for (const hidden of [true, false]) {
    document.hidden = hidden;
    for (const f of heard) f();
  }
}

test('one stream, however often the window is hidden while a login is asked for', async () => {
  let done;
  let asks = 0;
  api.setLogin(() => new Promise((resolve) => {
    asks += 1;
    done = resolve;
  }));
  answer = () => new Response('{"code": "unauthenticated"}', { status: 401 });
  const s = new Stream('kind=job.*', 5, { event() {} });
  made.at(-1).onerror();
  s.again();
  await settle();
  for (let i = 0; i < 4; i += 1) toggle();
  await settle();
  assert.deepEqual([asks, open()], [1, 0]);
  done();
  await settle();
  assert.equal(open(), 1);
  toggle();
  assert.equal(open(), 1);
  // Paused for long, and back: behind the last number.
  made.at(-1).onmessage({ lastEventId: '9', data: '{}' });
  s.pause();
  assert.equal(open(), 0);
  toggle();
  assert.equal(open(), 1);
  assert.match(made.at(-1).url, /after=9/);
  s.close();
  assert.equal(open(), 0);
});
