// SPDX-License-Identifier: GPL-3.0-or-later
// The page's pure parts, by node's own test runner: tests/web/unit.sh lays them out as modules and runs this.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { line, quote } from './cli.js';
import { difference } from './diff.js';
import * as fleet from './fleet_model.js';
import { duration, octets } from './format.js';
import { clean, crc32, decode, Lines, squeeze } from './frames.js';
import { held } from './hold_model.js';
import { extend, renew } from './pages.js';
import { byImage, summary } from './place_model.js';
import * as rollouts from './rollout_model.js';
import { build, parse } from './router.js';
import { ago, clock, local, micros, utc } from './time.js';
import { layout, ticks, tickText } from './waterfall.js';

const NOW = micros('2026-03-05T03:14:15.000000Z');

test('what was loaded of a list stays when its front is read anew', () => {
  const list = (from, to, next) => ({ items: Array.from({ length: from - to + 1 }, (_, i) => ({ id: from - i })), next });
  const ids = (l) => l.items.map((b) => b.id);
  // Nothing was there, or the page is as long as the list.
  assert.deepEqual(renew({ items: [], next: null }, list(9, 5, 'c5')), list(9, 5, 'c5'));
  assert.deepEqual(renew(list(9, 5, 'c5'), list(9, 5, 'd5')), list(9, 5, 'd5'));
  // Two new ones: the page ends before the list does, whose end is where it was.
  assert.deepEqual(renew(list(9, 1, 'c1'), list(11, 5, 'c5')), list(11, 1, 'c1'));
  assert.deepEqual(renew(list(9, 1, null), list(11, 5, 'c5')), list(11, 1, null));
  // The page's own word on what it has stands.
  assert.equal(renew(list(9, 1, null), { items: [{ id: 9, ended: 'now' }, { id: 8 }], next: 'c8' }).items[0].ended, 'now');
  // All there is; and more new ones than a page has.
  assert.deepEqual(renew(list(9, 1, 'c1'), list(9, 4, null)), list(9, 4, null));
  assert.deepEqual(renew(list(9, 1, 'c1'), list(30, 20, 'c20')), list(30, 20, 'c20'));
  assert.deepEqual(ids(extend(list(9, 5, 'c5'), list(4, 1, null), 'c5')), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
  // While the older ones were asked for the list began anew.
  assert.deepEqual(extend(list(30, 20, 'c20'), list(4, 1, null), 'c5'), list(30, 20, 'c20'));
});

test('what is stopped, in words', () => {
  const at = '2026-11-27T07:00:00Z';
  const frozen = (...names) => names.map((site, i) => ({ site, at: `2026-11-27T07:00:0${i}Z`, by: 'ann', reason: 'r' }));
  assert.deepEqual(held(null), []);
  assert.deepEqual(held({ stopped: false, at: null, by: null, reason: null, sites: [] }), []);
  assert.deepEqual(held({ stopped: true, at, by: 'ann', reason: 'INC-9', sites: frozen('los') }).map((x) => x.what),
    ['Everything is stopped', 'Site los is frozen']);
  const many = held({ stopped: false, at: null, by: null, reason: null, sites: frozen('a', 'b', 'c', 'd') });
  assert.deepEqual(many.map((x) => [x.what, x.at]), [['4 sites are frozen, d among them', '2026-11-27T07:00:03Z']]);
});

test('durations and octets as people read them', () => {
  assert.equal(duration(850_000), '850 ms');
  assert.equal(duration(9_990_000), '9.9 s');
  assert.equal(duration(75_000_000), '1 m 15 s');
  assert.equal(duration(3600e6 * 50), '2 d 2 h');
  assert.equal(duration(null), '–');
  assert.equal(octets(999), '999 B');
  assert.equal(octets(38_400_000), '38 MB');
});

test('instants in a zone, and how long ago', () => {
  assert.equal(micros('2026-03-05T03:14:15.123456Z') % 1000000, 123456);
  assert.equal(micros(''), null);
  assert.equal(local('2026-03-05T01:00:00Z', 'Africa/Johannesburg', NOW), '03:00:00');
  assert.equal(local('2026-03-03T23:30:00Z', 'Africa/Johannesburg', NOW), '4 Mar 01:30');
  assert.equal(local('2025-12-31T12:00:00Z', 'UTC', NOW), '31 Dec 2025 12:00');
  assert.equal(local('2026-03-05T01:00:00Z', 'No/Where', NOW), '01:00:00');
  assert.equal(utc('2026-03-05T01:02:03.004Z'), '2026-03-05 01:02:03.004 UTC');
  assert.equal(clock(micros('2026-03-05T01:02:03.004567Z'), 'UTC'), '01:02:03.004');
  assert.equal(ago('2026-03-05T03:14:10Z', NOW), '5 s ago');
  assert.equal(ago('2026-03-05T03:20:00Z', NOW), 'just now');
  assert.equal(ago(null, NOW), 'never');
});

test('words for a shell, whatever is in them', () => {
  assert.equal(quote('edge01.los'), 'edge01.los');
  assert.equal(quote("it's down"), "'it'\\''s down'");
  assert.equal(quote('$(reboot)'), "'$(reboot)'");
  assert.equal(quote('a\nb\u009bc\u202ed'), 'abcd');
  assert.equal(quote(''), "''");
  assert.equal(line(['rescue', 'edge01'], { image: 'rescue', hard: false, reason: 'disk 1', label: ['a=b', 'c'], yes: true }),
    "netboot-ctl rescue edge01 --image rescue --reason 'disk 1' --label a=b --label c --yes");
});

test('addresses of views', () => {
  assert.deepEqual(parse(''), { view: 'fleet', arg: '', params: {} });
  assert.deepEqual(parse(build('host', 'a/b c', { q: 'x&y', empty: '' })), { view: 'host', arg: 'a/b c', params: { q: 'x&y' } });
  assert.equal(parse('#/host/%zz').arg, '%zz');
});

const COLUMNS = ['host', 'site', 'state', 'kind', 'stage', 'since', 'deadline_us', 'attempt', 'code', 'reason', 'power', 'last_seen', 'job', 'boot',
  'flags', 'stuck'];

function rows(...list) {
  return fleet.rowsOf({ columns: COLUMNS, rows: list.map((r) => COLUMNS.map((c) => r[c] ?? null)) });
}

function find(all, states, query, site = '') {
  const hays = new Map([...all].map(([n, r]) => [n, fleet.haystack(r)]));
  return fleet.select(all, hays, { states: new Set(states), site, query: fleet.parseQuery(query) }, NOW).map((f) => f.row.host);
}

test('the fleet: stuck first, then names as people count', () => {
  const all = rows({ host: 'edge10', site: 'los', state: 'idle' }, { host: 'edge2', site: 'los', state: 'idle' },
    { host: 'edge3', site: 'cpt', state: 'failed', code: 'installer-silent', reason: 'nothing for 900 s' },
    { host: 'edge4', site: 'cpt', state: 'busy', kind: 'reinstall', stage: 'kernel', since: '2026-03-05T03:00:00Z', deadline_us: 60e6, job: 'j4' },
    { host: 'edge5', site: 'cpt', state: 'busy', kind: 'reinstall', stage: 'os-up', since: '2026-03-05T03:14:00Z', deadline_us: 60e6, job: 'j5' });
  assert.deepEqual(find(all, [], ''), ['edge4', 'edge3', 'edge5', 'edge2', 'edge10']);
  assert.deepEqual(find(all, ['stuck'], ''), ['edge4']);
  assert.deepEqual(find(all, [], 'site:cpt -state:stuck'), ['edge3', 'edge5']);
  assert.deepEqual(find(all, [], 'SILENT'), ['edge3']);
  assert.deepEqual(find(all, [], 'stage:kern'), ['edge4']);
  assert.deepEqual(find(all, [], '', 'los'), ['edge2', 'edge10']);
  const { all: n, sites } = fleet.counts(all, NOW);
  assert.deepEqual([n.stuck, n.failed, n.busy, n.idle, n.total], [1, 1, 1, 2, 5]);
  assert.equal(sites.get('cpt').total, 3);
});

test('10,000 rows are searched in a moment', () => {
  const all = rows(...Array.from({ length: 10000 }, (_, i) => ({ host: `edge${i}`, site: `s${i % 40}`, state: 'idle' })));
  const began = performance.now();
  assert.equal(find(all, [], 'edge9999').length, 1);
  assert.ok(performance.now() - began < 2000);
});

test('a row follows the events of its job, and of no other', () => {
  let row = rows({ host: 'edge1', site: 'los', state: 'idle' }).get('edge1');
  const ev = (kind, detail = {}, more = {}) => ({ kind, host: 'edge1', job: 'j1', at: '2026-03-05T03:14:00Z', detail, ...more });
  row = fleet.patch(row, ev('job.accepted'));
  assert.deepEqual([row.state, row.job, row.stage], ['busy', 'j1', 'queued']);
  row = fleet.patch(row, ev('job.stage', { stage: 'kernel', state: 'entered', attempt: 2, deadline_us: 5 }));
  assert.deepEqual([row.stage, row.attempt, row.deadline_us], ['kernel', 2, 5]);
  assert.equal(fleet.patch(row, ev('job.failed', { code: 'x' }, { job: 'old' })), row);
  row = fleet.patch(row, ev('power.state', { power: 'on' }));
  assert.equal(row.power, 'on');
  row = fleet.patch(row, ev('job.failed', { code: 'kernel-stalled', text: 'stood still', stage: 'kernel' }));
  assert.deepEqual([row.state, row.code, row.reason, row.stuck], ['failed', 'kernel-stalled', 'stood still', true]);
  row = fleet.patch(row, ev('job.accepted', {}, { job: 'j2' }));
  assert.deepEqual([row.state, row.job, row.code, row.stage], ['busy', 'j2', null, 'queued']);
  row = fleet.patch(row, ev('job.done', {}, { job: 'j2' }));
  assert.deepEqual([row.state, row.job, row.stuck], ['idle', null, false]);
});

test('the verdict that was found stands over the word of the agent', () => {
  const row = rows({ host: 'edge1', site: 'los', state: 'busy', job: 'j1', stage: 'os-up' }).get('edge1');
  const ev = (kind, detail, more = {}) => ({ kind, host: 'edge1', job: 'j1', at: '2026-03-05T03:14:00Z', detail, ...more });
  const end = ev('job.failed', { code: 'os-silent', text: 'silence', stage: 'os-up' });
  const found = fleet.patch(row, ev('job.verdict', { code: 'kernel-panic-seen', text: 'panic at 212 s' }, { reason: 'The kernel panicked' }));
  let after = fleet.patch(found, end);
  assert.deepEqual([after.state, after.code, after.reason, after.stuck], ['failed', 'kernel-panic-seen', 'kernel-panic-seen: The kernel panicked', true]);
  // Of another job it says nothing, and an order that follows begins without it.
  assert.equal(fleet.patch(row, ev('job.verdict', { code: 'x' }, { job: 'old' })), row);
  after = fleet.patch(fleet.patch(after, ev('job.accepted', {}, { job: 'j2' })), { ...end, job: 'j2' });
  assert.equal(after.code, 'os-silent');
});

test('flags are those of the newest boot', () => {
  let row = rows({ host: 'edge1', site: 'los', state: 'idle', boot: 'b1', flags: ['other-dhcp'] }).get('edge1');
  const ev = (kind, boot, detail = {}) => ({ kind, host: 'edge1', boot, at: '2026-03-05T03:14:00Z', detail });
  row = fleet.patch(row, ev('boot.begin', 'b2'));
  assert.deepEqual([row.boot, row.flags], ['b2', []]);
  row = fleet.patch(row, ev('boot.flag', 'b2', { flag: 'unordered' }));
  assert.deepEqual(row.flags, ['unordered']);
  assert.equal(fleet.patch(row, ev('boot.flag', 'b1', { flag: 'other-dhcp' })), row);
});

test('events that the rows were read behind are not taken again', async () => {
  const doc = { seq: 10, columns: COLUMNS, rows: [COLUMNS.map((c) => ({ host: 'edge1', site: 'los', state: 'locked' })[c] ?? null)] };
  globalThis.fetch = async () => new Response(JSON.stringify(doc), { status: 200 });
  const { Fleet } = await import('./store.js');
  const f = new Fleet();
  await f.read();
  const ev = (seq, kind) => ({ seq, kind, host: 'edge1', job: 'j1', at: '2026-03-05T03:14:00Z', detail: { stage: 'kernel', state: 'entered' } });
  assert.ok(!f.take(ev(9, 'job.stage')) && !f.take(ev(10, 'job.done')));
  assert.equal(f.rows.get('edge1').state, 'locked');
  assert.ok(f.take(ev(11, 'job.stage')));
});

function frame(type, mark, at, data) {
  const body = Buffer.from(data);
  const head = Buffer.alloc(12);
  head.write(type, 0, 'latin1');
  head[1] = mark;
  head.writeUInt16BE(body.length, 2);
  head.writeBigUInt64BE(BigInt(at), 4);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([head, body])));
  return Buffer.concat([head, body, sum]);
}

function recording(...frames) {
  return Buffer.concat([frame('B', 0, NOW, 'nbcon1\0edge1\0boot1\0'), ...frames]);
}

function text(...chunks) {
  const lines = new Lines();
  for (const f of decode(recording(...chunks.map((c, i) => frame('D', 0, NOW + i, c)))).frames) lines.feed(f);
  return lines.all().map((l) => l.text);
}

test('recordings: frames, marks, and an end that is not whole', () => {
  assert.equal(crc32(Buffer.from('123456789')), 0xcbf43926);
  const whole = recording(frame('M', 1, NOW, ''), frame('D', 0, NOW + 5, 'hello\n'), frame('Z', 0, NOW, 'later'), frame('M', 3, NOW, 'timeout'));
  const { frames, whole: all } = decode(whole);
  assert.ok(all);
  assert.deepEqual(frames.map((f) => f.mark || Buffer.from(f.data).toString()), ['connected', 'hello\n', 'lost']);
  assert.equal(decode(whole.subarray(0, whole.length - 3)).frames.length, 2);
  const bad = Buffer.from(whole);
  bad[60] ^= 1;
  assert.ok(!decode(bad).whole);
  assert.deepEqual(decode(Buffer.from('<html>')), { frames: [], whole: false });
  assert.deepEqual(decode(Buffer.alloc(0)), { frames: [], whole: true });
});

test('a terminal stream as lines: escapes dropped, also over frames; CR, BS and tabs obeyed', () => {
  assert.deepEqual(text('\u001b[1;31mred\u001b[0m\r\nnext'), ['red', 'next']);
  assert.deepEqual(text('a\u001b', '[3', '2mb\n'), ['ab']);
  assert.deepEqual(text('\u001b]0;title\u0007x\u001b(By\n'), ['xy']);
  assert.deepEqual(text('10%\r20%\r100%\n'), ['100%']);
  assert.deepEqual(text('ab\bc\n'), ['ac']);
  assert.deepEqual(text('a\tb\n'), ['a       b']);
  assert.deepEqual(text('menu\u001b[2J\u001b[Hpage'), ['menu', 'page']);
  assert.deepEqual(text('\u00e9', '\n'), ['\u00e9']);
  assert.deepEqual(text(Buffer.from([0xc3]), Buffer.from([0xa9, 10])), ['\u00e9']);
  assert.equal(text('<img src=x onerror=alert(1)>\n')[0], '<img src=x onerror=alert(1)>');
  assert.equal(clean('a\u202eb\u0007'), 'a\ufffdb\ufffd');
  assert.ok(text('x'.repeat(9000)).every((l) => l.length <= 2000));
  assert.equal(squeeze([{ text: 'a' }, { text: '' }, { text: '' }, { text: 'b' }]).length, 3);
});

test('a waterfall: bars, ghosts that do not squeeze, and what is late', () => {
  const at = (s) => new Date(NOW / 1000 + s * 1000).toISOString();
  const trace = { began: at(0), ended: null, marks: [{ at: at(5), kind: 'dhcp4.ack' }], spans: [
    { row: 'stage', name: 'power', began: at(0), ended: at(10), state: 'confirmed', deadline_us: 180e6, usual_us: 2e6 },
    { row: 'stage', name: 'kernel', began: at(10), ended: null, state: 'running', deadline_us: 20e6, usual_us: 12e6 }] };
  const l = layout(trace, NOW + 40e6);
  assert.equal(l.rows.length, 2);
  assert.ok(l.rows[0].x === 0 && Math.abs(l.rows[0].w - 10 / 41.2) < 0.01);
  assert.ok(!l.rows[0].beyond && l.rows[0].deadline === null && l.rows[0].slow);
  assert.ok(l.rows[1].deadline > 0 && l.rows[1].deadline <= 1 && !l.rows[1].beyond);
  assert.ok(l.rows[1].late && l.rows[1].running && l.rows[1].x + l.rows[1].w <= 1);
  assert.ok(!layout(trace, NOW + 25e6).rows[1].late);
  assert.ok(l.marks[0].x > 0.1 && l.marks[0].x < 0.15);
  assert.deepEqual(layout({ spans: [], began: null, ended: null }, NOW).rows, []);
  assert.ok(ticks(41e6).length <= 7 && ticks(3600e6 * 30).length <= 8);
  assert.equal(tickText(90), '90 s');
  assert.equal(tickText(600), '10 min');
});

test('what an audit row changed', () => {
  assert.deepEqual(difference({ a: 1, b: { c: 2 } }, { a: 1, b: { c: 3 } }), [{ path: 'b.c', before: 2, after: 3 }]);
  assert.deepEqual(difference(null, { a: 1 }), [{ path: 'a', before: undefined, after: 1 }]);
  assert.deepEqual(difference(null, null), []);
  assert.deepEqual(difference([1], [2]), [{ path: 'value', before: [1], after: [2] }]);
});

test('images at sites, by image and what is missing first', () => {
  const image = (state, more = {}) => ({ image: 'debian', placed: false, state, percent: 0, files: 2, held: 0, octets: 2_000_000_000, got: 0, rate: 0, left_s: null, source: '', ...more });
  const sites = [
    { site: 'abj', absent: false, at: '2026-03-05T03:14:10Z', images: [image('held', { percent: 100 }), { ...image('unknown'), image: 'rescue' }] },
    { site: 'los', absent: false, at: '2026-03-05T03:14:11Z', images: [image('fetching', { percent: 40, got: 800_000_000, rate: 250_000, left_s: 4800, source: 'url', placed: true })] },
    { site: 'jnb', absent: true, at: '2026-03-04T03:14:11Z', images: [image('failed', { code: 'store-full', text: 'there is no room', next: 'make room' })] },
    { site: 'gru', absent: false, at: null, images: [] },
  ];
  const rows = byImage(sites).get('debian');
  assert.deepEqual(rows.map((r) => [r.site, r.sign, r.word]), [['jnb', 'failed', 'failed, 0 %'], ['los', 'busy', 'fetching, 40 %'], ['abj', 'ok', 'whole']]);
  assert.equal(rows[1].detail, '800 MB of 2.0 GB from its URL, 250 kB/s, 1 h 20 m to go');
  assert.deepEqual([rows[0].why, rows[0].next, rows[0].absent, rows[0].at], ['there is no room', 'make room', true, '2026-03-04T03:14:11Z']);
  assert.equal(rows[1].placed, true);
  assert.equal(summary(rows), 'whole at 1 of 3 sites');
  assert.equal(summary(byImage(sites).get('rescue')), 'whole at 0 of 1 site');
  assert.equal(byImage([]).size, 0);
});

test('a rollout in words, as a bar, and what may be done to it', () => {
  const counts = (of) => ({ total: 40, ok: 0, failed: 0, lost: 0, in_flight: 0, waiting: 0, deferred: 0, skipped: 0, ...of });
  const r = (state, of) => ({ state, counts: counts(of) });
  assert.equal(rollouts.countsText(counts({ ok: 12, failed: 2, in_flight: 3, waiting: 23 })), '40 hosts: 12 ok, 2 failed, 3 under way, 23 waiting');
  assert.equal(rollouts.countsText({ ...counts({}), total: 1 }), '1 host');
  assert.deepEqual(rollouts.bar(counts({ ok: 10, failed: 4, waiting: 26 })), [{ state: 'ok', x: 0, width: 25 }, { state: 'failed', x: 25, width: 10 }]);
  assert.deepEqual(rollouts.bar({ ...counts({}), total: 0 }), []);
  assert.equal(rollouts.sign(r('done', { ok: 40 })), 'ok');
  assert.equal(rollouts.sign(r('done', { ok: 39, lost: 1 })), 'failed');
  assert.equal(rollouts.work({ kind: 'power', action: 'off', image: '' }), 'power off');
  assert.deepEqual([{ kind: 'reboot' }, { kind: 'reboot', force: 'at-once' }, { kind: 'power', action: 'on' }, { kind: 'power', action: 'off' }, { kind: 'drill' }].map(rollouts.destructive),
    [false, true, false, true, true]);
  assert.deepEqual(rollouts.verbs(r('waiting-approval', {})), ['approve', 'abort']);
  assert.deepEqual(rollouts.verbs(r('running', {})), ['pause', 'abort']);
  assert.deepEqual(rollouts.verbs(r('halted', { failed: 1 })), ['resume', 'retry-failed', 'abort']);
  assert.deepEqual(rollouts.verbs(r('done', { failed: 1 })), ['retry-failed']);
  assert.deepEqual(rollouts.verbs(r('aborted', { failed: 1 })), []);
});

test('hosts with the same reason are together, and coming runs are in order', () => {
  const absent = { code: 'agent-absent', text: 'jhb is not heard', next: '' };
  const hosts = [{ host: 'a', state: 'waiting', why: absent }, { host: 'b', state: 'waiting', why: null }, { host: 'c', state: 'waiting', why: absent }, { host: 'd', state: 'ok', why: null }];
  assert.deepEqual(rollouts.groups(hosts, 'waiting'), [{ why: absent, hosts: ['a', 'c'] }, { why: null, hosts: ['b'] }]);
  const zone = (name, opens, n) => ({ zone: name, opens, closes: opens, sites: ['x'], hosts: n });
  const list = rollouts.runs([{ schedule: 'w', left_out: null, zones: [zone('Africa/Lagos', '2026-02-01T02:00:00Z', 4), zone('Asia/Kathmandu', '2026-01-31T21:15:00Z', [{}, {}])] },
    { schedule: 'm', left_out: 'paused', zones: [zone('Africa/Lagos', '2026-01-31T23:00:00Z', 1)] }]);
  assert.deepEqual(list.map((x) => [x.schedule, x.zone, x.hosts, x.leftOut]), [['w', 'Asia/Kathmandu', 2, null], ['m', 'Africa/Lagos', 1, 'paused'], ['w', 'Africa/Lagos', 4, null]]);
  const shut = rollouts.runs([{ schedule: 'late', nominal: '2026-02-01T03:00', left_out: null, zones: [zone('Africa/Lagos', '2026-02-01T02:00:00Z', 4)] },
    { schedule: 'shut', nominal: '2026-01-25T03:00', left_out: 'blackout', zones: [zone('Africa/Lagos', null, 4)] },
    { schedule: 'nobody', nominal: '2026-01-30T03:00', left_out: null, zones: [] }]);
  assert.deepEqual(shut.map((x) => [x.schedule, x.nominal, x.hosts]), [['shut', '2026-01-25T03:00', 4], ['nobody', '2026-01-30T03:00', 0], ['late', '2026-02-01T03:00', 4]]);
});

test('a policy is written as it would be typed', () => {
  const policy = { canary: 1, batch: '10%', max_in_flight: 5, per_site: 1, per_label: { rack: 1 }, max_fail: 2, gates: ['tcp:22', 'icmp'], gate_timeout_s: 120, soak_s: 600 };
  assert.equal(rollouts.policyText(policy), 'canary 1, batch 10%, max-in-flight 5, per-site 1, per-label rack=1, max-fail 2, gate tcp:22, gate icmp, gate-timeout 2 m, soak 10 m');
  assert.equal(rollouts.policyText({ canary: 0, per_label: {}, gates: [], max_fail: 1, soak_s: 0 }), 'max-fail 1');
  assert.equal(rollouts.policyText(null), '');
});
