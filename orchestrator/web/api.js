// SPDX-License-Identifier: GPL-3.0-or-later
// Requests to the orchestrator. One session for the page: who it is and the token against forged requests.
// When the session is over the page asks for a login above what is shown. What is only read is then read once more; a
// change is not made: whoever signs in, perhaps hours later, is to press the button under their own name. Another tab's
// login is this one's, too. Failures are ApiError with the server's own code, text and next step.
import { learn } from './clock.js';

const BASE = '/api/v1';
const LIMIT_MS = 30000;
const ROLES = ['viewer', 'operator', 'admin'];

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
    this.code = problem.code || '';
    this.next = problem.next || '';
    this.errors = problem.errors || [];
  }
}

let session = null;
let askLogin = null;
let asking = null;
const watchers = new Set();

export function whoami() {
  return session;
}

/** May the session do what needs `role`? The server decides; this only keeps from offering what it refuses. */
export function may(role) {
  return session !== null && ROLES.indexOf(session.role) >= ROLES.indexOf(role);
}

export function onSession(f) {
  watchers.add(f);
}

function setSession(value) {
  session = value;
  for (const f of watchers) f(session);
}

/** How to ask for a login: a function that resolves when there is a session again. */
export function setLogin(f) {
  askLogin = f;
}

function relogin() {
  asking ??= askLogin().finally(() => { asking = null; });
  return asking;
}

async function send(method, path, body, headers) {
  const options = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin', cache: 'no-store' };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers['Content-Type'] = 'application/json';
  }
  if (method !== 'GET' && session?.csrf) options.headers['X-CSRF-Token'] = session.csrf;
  // Until the answer begins; where the server reads every row or file first, that takes as long as it takes.
  const limit = new AbortController();
  const timer = path.endsWith('/verify') ? null : setTimeout(() => limit.abort(), LIMIT_MS);
  options.signal = limit.signal;
  const asked = Date.now();
  try {
    const response = await fetch(BASE + path, options);
    learn(Date.parse(response.headers.get('Date')), asked, Date.now(), 1000);
    return response;
  } catch {
    throw new ApiError(0, { code: 'server-unreachable', detail: 'the server does not answer',
      next: 'nothing is known to have been done; try again when it is back' });
  } finally {
    clearTimeout(timer);
  }
}

/** The rest of an answer; a connection that breaks in it is the server away, too. */
async function whole(reading) {
  try {
    return await reading;
  } catch {
    throw new ApiError(0, { code: 'server-unreachable', detail: 'the answer broke off', next: 'try again' });
  }
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { detail: `the server answered ${response.status}` };
  }
}

function refused(code, detail, next) {
  return new ApiError(401, { code, detail, next });
}

async function request(method, path, body, headers = {}) {
  const asked = session;
  let response = await send(method, path, body, headers);
  if (response.status === 401) {
    // Somebody signed in while it was under way: the refusal is of the session before.
    if (session === null || session === asked) {
      setSession(null);
      await relogin();
    }
    if (method !== 'GET') throw refused('signed-in-again', 'you were signed out, and nothing was done', `press the button again: it is done as ${session.name}`);
    response = await send(method, path, body, headers);
  }
  // A login in another tab made another session, whose cookie both have; this tab's CSRF token is of the one before.
  if (response.status === 403 && method !== 'GET' && (await problemOf(response.clone())).code === 'csrf') {
    const before = session?.name;
    if ((await readSession())?.name !== before) throw refused('another-name', `this browser is signed in as ${session?.name ?? 'nobody'} now, and nothing was done`, 'press the button again if that is you');
    response = await send(method, path, body, headers);
  }
  if (!response.ok && response.status !== 304) throw new ApiError(response.status, await problemOf(response));
  return response;
}

export async function get(path) {
  return whole((await request('GET', path)).json());
}

/** {value, etag}; value is null where it is still what `etag` names. An answer with `at` tells the server's clock. */
export async function getTagged(path, etag) {
  const asked = Date.now();
  const response = await request('GET', path, undefined, etag ? { 'If-None-Match': etag } : {});
  if (response.status === 304) return { value: null, etag };
  const answered = Date.now();
  const value = await whole(response.json());
  learn(Date.parse(value.at), asked, answered);
  return { value, etag: response.headers.get('ETag') };
}

export async function getOctets(path) {
  return whole((await request('GET', path)).arrayBuffer());
}

/** null where there is no such thing (404), or the server is too old to have it. */
export async function getMaybe(path) {
  try {
    return await get(path);
  } catch (e) {
    if (e.status === 404 || e.status === 405) return null;
    throw e;
  }
}

/** Every page of a list, at most `most` items. */
export async function getAll(path, most = 2000) {
  const items = [];
  let cursor = null;
  do {
    const mark = path.includes('?') ? '&' : '?';
    const page = await get(`${path}${mark}limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}

export async function change(method, path, body, headers = {}) {
  const response = await request(method, path, body, headers);
  return response.status === 204 ? null : response.json();
}

/** A POST that is made once: the same body under the same key answers the first result again. */
export class Once {
  post(path, body) {
    const text = path + JSON.stringify(body);
    if (text !== this.text) {
      this.text = text;
      this.key = crypto.randomUUID?.() || Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16)).join('-');
    }
    return change('POST', path, body, { 'Idempotency-Key': this.key });
  }
}

export async function readSession() {
  const response = await send('GET', '/session');
  if (response.ok) setSession(await response.json());
  else if (response.status === 401) setSession(null);
  else throw new ApiError(response.status, await problemOf(response));
  return session;
}

/** Why a stream is not given, as an ApiError; null where it is, or nothing answers. */
export async function refusal(path) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), LIMIT_MS);
  try {
    const response = await fetch(BASE + path, { headers: { Accept: 'text/event-stream' }, credentials: 'same-origin', cache: 'no-store', signal: limit.signal });
    return response.ok ? null : new ApiError(response.status, await problemOf(response));
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    limit.abort();
  }
}

export async function login(token) {
  const response = await send('POST', '/session', { token });
  if (!response.ok) throw new ApiError(response.status, await problemOf(response));
  setSession(await response.json());
}

export async function logout() {
  let response = await send('DELETE', '/session');
  if (response.status === 403 && await readSession()) response = await send('DELETE', '/session');
  if (!response.ok && response.status !== 401) throw new ApiError(response.status, await problemOf(response));
  setSession(null);
}

/** Asks for a login above what is shown; resolves when there is a session. */
export function needLogin() {
  setSession(null);
  return relogin();
}

export const q = encodeURIComponent;
