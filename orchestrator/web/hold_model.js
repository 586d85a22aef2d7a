// SPDX-License-Identifier: GPL-3.0-or-later
// What is stopped, in words: rows of GET /stop for the bar at the top. Pure.

/** [{what, at, by, reason}], the stop of everything first; of more than three sites their number and the newest. */
export function held(stop) {
  if (!stop) return [];
  const list = stop.stopped ? [{ what: 'Everything is stopped', at: stop.at, by: stop.by, reason: stop.reason }] : [];
  const sites = stop.sites || [];
  if (sites.length > 3) {
    const newest = sites.reduce((a, b) => (a.at > b.at ? a : b));
    return [...list, { ...newest, what: `${sites.length} sites are frozen, ${newest.site} among them` }];
  }
  return [...list, ...sites.map((s) => ({ what: `Site ${s.site} is frozen`, at: s.at, by: s.by, reason: s.reason }))];
}
