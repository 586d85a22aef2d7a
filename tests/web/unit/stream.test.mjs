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

  addEventListener(kind, f) {
    this[kind] = f;
  }

  close() {
    this.open = false;
  }
};
const heard = new Set();
globalThis.document = { hidden: false, addEventListener: (k, f) => heard.add(f), removeEventListener: (k, f) => heard.delete(f) };
const leaving = new Set();
globalThis.window = { addEventListener: (k, f) => k === 'pagehide' && leaving.add(f), removeEventListener: (k, f) => leaving.delete(f) };
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
  // A page that is left, and perhaps kept for the back button, keeps no connection.
  for (const f of leaving) f();
  assert.equal(open(), 0);
  toggle();
  assert.equal(open(), 1);
  s.close();
  assert.equal(leaving.size, 0);
  assert.equal(open(), 0);
});

test('a stream that is silent for long is opened anew; who began without a number is told whatever comes', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const told = [];
  const s = new Stream('job=1', null, { event: (e) => told.push(e.n) });
  const first = made.at(-1);
  first.onopen();
  first.onmessage({ lastEventId: '900', data: '{"n": 1}' });
  t.mock.timers.tick(30000);
  assert.equal(made.at(-1), first);
  s.heardAt -= 40000;
  t.mock.timers.tick(15000);
  assert.equal(made.at(-1), first);
  // What the server says to say that it is there counts, too.
  s.heardAt -= 10000;
  first.beat({ lastEventId: '900', data: '' });
  t.mock.timers.tick(15000);
  assert.equal(made.at(-1), first);
  s.heardAt -= 50000;
  t.mock.timers.tick(15000);
  assert.ok(made.at(-1) !== first && open() === 1 && !made.at(-1).url.includes('after='));
  // A server that was put back from a copy counts from lower on.
  made.at(-1).onmessage({ lastEventId: '20', data: '{"n": 2}' });
  assert.deepEqual(told, [1, 2]);
  s.close();
});

test('a server that counts from lower on is told, once, and heard from there', () => {
  const told = [];
  let lower = 0;
  const s = new Stream('kind=job.*', 500, { event: (e) => told.push(e.n), lower: () => { lower += 1; } });
  const source = made.at(-1);
  source.beat({ lastEventId: '500', data: '' });
  assert.equal(lower, 0);
  source.beat({ lastEventId: '20', data: '' });
  source.onmessage({ lastEventId: '21', data: '{"n": 1}' });
  source.beat({ lastEventId: '30', data: '' });
  assert.deepEqual([lower, told, s.after], [1, [1], 30]);
  s.close();
});

test('a stream that is refused is told with its reason, and tried again', async () => {
  const states = [];
  let room = false;
  answer = (path) => {
    if (path.endsWith('/session')) return new Response('{"name": "token:ann", "role": "viewer"}');
    return room ? new Response('') : new Response('{"code": "too-many-followers", "detail": "12 streams are open"}', { status: 503 });
  };
  const s = new Stream('kind=job.*', 5, { event() {}, state: (state, problem) => states.push(problem ? `${state} ${problem.code}` : state) });
  made.at(-1).onerror();
  await s.again();
  assert.equal(open(), 1);
  made.at(-1).onerror();
  await s.again();
  await s.again();
  assert.equal(open(), 0);
  assert.deepEqual(states.slice(-2), ['down', 'refused too-many-followers']);
  room = true;
  await s.again();
  made.at(-1).onopen();
  assert.equal(states.at(-1), 'live');
  s.close();
});

const json = (status, value) => new Response(JSON.stringify(value), { status });

test('a change that finds the session over is not made by whoever signs in', async () => {
  let signed = false;
  answer = (path, o) => {
    if (path.endsWith('/session')) return json(201, { name: 'token:ann', role: 'operator', csrf: 'c2' });
    if (!signed) return json(401, { code: 'unauthenticated' });
    return json(o.method === 'GET' ? 200 : 202, { done: true });
  };
  api.setLogin(async () => {
    signed = true;
    await api.login('x');
  });
  asked.length = 0;
  await assert.rejects(api.change('POST', '/jobs', {}), (e) => e.code === 'signed-in-again' && /ann/.test(e.next));
  assert.equal(asked.filter((a) => a.path.endsWith('/jobs')).length, 1);
  assert.deepEqual(await api.change('POST', '/jobs', {}), { done: true });
  // Refused before the login, told of it after: no second one is asked for.
  let late;
  answer = (path) => (path.endsWith('/late') && !late ? new Promise((resolve) => { late = () => resolve(json(401, { code: 'unauthenticated' })); })
    : json(200, path.endsWith('/session') ? { name: 'token:ann', role: 'operator', csrf: 'c3' } : { done: true }));
  const reading = api.get('/late');
  await settle();
  await api.login('y');
  api.setLogin(() => assert.fail('another login'));
  late();
  assert.deepEqual(await reading, { done: true });
  answer = (path, o) => (path.endsWith('/session') ? json(201, { name: 'token:ann', role: 'operator', csrf: 'c2' })
    : signed ? json(o.method === 'GET' ? 200 : 202, { done: true }) : json(401, { code: 'unauthenticated' }));
  api.setLogin(async () => {
    signed = true;
    await api.login('x');
  });
  // What is only read is read again.
  signed = false;
  assert.deepEqual(await api.get('/jobs'), { done: true });
});

test('a login in another tab: the same name goes on, another one is told', async () => {
  let now = { name: 'token:ann', role: 'operator', csrf: 'c3' };
  answer = (path, o) => {
    if (path.endsWith('/session') && o.method === 'GET') return json(200, now);
    if (o.method !== 'GET' && o.headers['X-CSRF-Token'] !== now.csrf) return json(403, { code: 'csrf' });
    return o.method === 'DELETE' ? new Response(null, { status: 204 }) : json(202, { done: true });
  };
  assert.deepEqual(await api.change('POST', '/jobs', {}), { done: true });
  now = { name: 'token:bob', role: 'admin', csrf: 'c4' };
  asked.length = 0;
  await assert.rejects(api.change('POST', '/jobs', {}), (e) => e.code === 'another-name' && /bob/.test(e.message));
  assert.equal(asked.filter((a) => a.method === 'POST').length, 1);
  now = { ...now, csrf: 'c5' };
  await api.logout();
  assert.equal(api.whoami(), null);
});

test('a server that does not answer is told, and asked no longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  answer = (path, o) => new Promise((resolve, reject) => { o.signal.addEventListener('abort', () => reject(new Error('aborted'))); });
  const asking = api.get('/jobs');
  await settle();
  t.mock.timers.tick(31000);
  await assert.rejects(asking, (e) => e.code === 'server-unreachable');
});

test('what is late is judged by the clock of the server', async () => {
  const clock = await import('./clock.js');
  const model = await import('./fleet_model.js');
  const server = Date.now() - 360000;
  answer = () => new Response(JSON.stringify({ at: new Date(server).toISOString() }), { status: 200, headers: { ETag: '"f1"' } });
  assert.equal((await api.getTagged('/fleet')).etag, '"f1"');
  assert.ok(Math.abs(clock.now() / 1000 - server) < 2000);
  const row = { state: 'busy', since: new Date(server - 10000).toISOString(), deadline_us: 60e6 };
  assert.ok(!model.isStuck(row, clock.now()) && model.isStuck(row, Date.now() * 1000));
  answer = (path, o) => (o.headers['If-None-Match'] === '"f1"' ? new Response(null, { status: 304 }) : json(500, {}));
  assert.equal((await api.getTagged('/fleet', '"f1"')).value, null);
  // A header of whole seconds corrects it, too; the odd half second does not make it jitter.
  answer = () => new Response('{}', { headers: { Date: new Date().toUTCString() } });
  await api.get('/hosts/x');
  const at = clock.now();
  assert.ok(Math.abs(at / 1000 - Date.now()) < 2000);
  await api.get('/hosts/x');
  assert.ok(Math.abs(clock.now() - at) < 5e5);
});
