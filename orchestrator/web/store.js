// SPDX-License-Identifier: GPL-3.0-or-later
// What views share: the fleet's rows with the number of the last event in them, the sites with their zones, the images.
// The fleet is read once and then kept by events; a view that comes back goes on behind the last number. It is read
// anew when it was left alone for long, and every minute for what no event tells (a lock, an agent that is silent).
import { getAll, getTagged } from './api.js';
import { counts, haystack, patch, rowsOf } from './fleet_model.js';
import { knownZone } from './time.js';

const STALE_MS = 5 * 60000;

export class Fleet {
  constructor() {
    this.rows = new Map();
    this.hays = new Map();
    this.seq = null;
    this.readSeq = null;
    this.readAt = 0;
    this.heardAt = 0;
  }

  get fresh() {
    return this.seq !== null && performance.now() - Math.max(this.readAt, this.heardAt) < STALE_MS;
  }

  /** It is to be read whole the next time. */
  forget() {
    this.seq = null;
    this.changed = true;
  }

  /** True when events were taken meanwhile that it does not have: they are to be told again, behind its number. */
  async read() {
    // Of ten thousand hosts it is long: not sent again while it is the same, and no event has changed a row since.
    const { value: doc, etag } = await getTagged('/fleet', this.changed ? null : this.etag);
    if (doc === null) {
      this.readAt = performance.now();
      return false;
    }
    this.etag = etag;
    this.changed = false;
    const ahead = this.seq !== null && doc.seq < this.seq;
    this.rows = rowsOf(doc);
    this.hays = new Map([...this.rows].map(([name, row]) => [name, haystack(row)]));
    this.seq = doc.seq;
    this.readSeq = doc.seq;
    this.readAt = performance.now();
    return ahead;
  }

  /** Takes an event; true when a row changed. */
  take(ev) {
    this.heardAt = performance.now();
    // Told by a stream that began before the reading: it is in the rows already.
    if (ev.seq && this.readSeq !== null && ev.seq <= this.readSeq) return false;
    if (ev.seq) this.seq = Math.max(this.seq ?? 0, ev.seq);
    const row = ev.host ? this.rows.get(ev.host) : null;
    if (!row) return false;
    const next = patch(row, ev);
    if (next === row) return false;
    this.changed = true;
    this.rows.set(ev.host, next);
    this.hays.set(ev.host, haystack(next));
    return true;
  }

  counts(now) {
    return counts(this.rows, now);
  }
}

export class Store {
  constructor() {
    this.fleet = new Fleet();
    this.sites = new Map();
    this.images = null;
  }

  async readSites() {
    const items = await getAll('/sites');
    this.sites = new Map(items.map((s) => [s.name, s]));
    return this.sites;
  }

  zone(site) {
    const zone = this.sites.get(site)?.timezone;
    return zone && knownZone(zone) ? zone : 'UTC';
  }

  async readImages() {
    this.images = await getAll('/images');
    return this.images;
  }

  forget() {
    this.fleet = new Fleet();
    this.sites = new Map();
    this.images = null;
  }
}
