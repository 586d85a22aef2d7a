// SPDX-License-Identifier: GPL-3.0-or-later
// Images at sites, as GET /images/status tells them by site, turned round: by image. Pure; nothing here touches the page.
import { duration, octets, rate } from './format.js';

const ORDER = ['failed', 'waiting', 'fetching', 'unknown', 'held'];
const SIGNS = { failed: 'failed', waiting: 'idle', fetching: 'busy', unknown: 'unknown', held: 'ok' };
const SOURCES = { orchestrator: 'the orchestrator', url: 'its URL', site: 'a nearby site', delta: 'a delta' };

function word(i) {
  if (i.state === 'held') return 'whole';
  return i.state === 'unknown' ? 'not known' : `${i.state}, ${i.percent} %`;
}

function detail(i) {
  if (i.state !== 'fetching') return '';
  const from = SOURCES[i.source] ? ` from ${SOURCES[i.source]}` : '';
  return `${octets(i.got)} of ${octets(i.octets)}${from}${i.rate > 0 ? `, ${rate(i.rate)}` : ''}${i.left_s === null || i.left_s === undefined ? '' : `, ${duration(i.left_s * 1e6)} to go`}`;
}

/** Image -> its sites, what is missing most first: sign, word, detail, what holds it up and what is next, as of when. */
export function byImage(sites) {
  const all = new Map();
  for (const s of sites) {
    for (const i of s.images) {
      if (!all.has(i.image)) all.set(i.image, []);
      all.get(i.image).push({ site: s.site, state: i.state, sign: SIGNS[i.state] || 'unknown', word: word(i), detail: detail(i), placed: i.placed, why: i.text || '', next: i.next || '', at: s.at,
        absent: Boolean(s.absent) });
    }
  }
  for (const rows of all.values()) rows.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.site < b.site ? -1 : 1));
  return all;
}

/** "whole at 2 of 3 sites" */
export function summary(rows) {
  const held = rows.filter((r) => r.state === 'held').length;
  return `whole at ${held} of ${rows.length} ${rows.length === 1 ? 'site' : 'sites'}`;
}
