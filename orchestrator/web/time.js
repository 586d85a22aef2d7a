// SPDX-License-Identifier: GPL-3.0-or-later
// Instants as text: in a site's zone, with UTC for the title, and how long ago. Pure: "now" is an argument.
// An instant is RFC 3339 text in UTC, as the interface gives it, or null.

const formats = new Map();

function format(zone, options) {
  const key = `${zone}|${JSON.stringify(options)}`;
  if (!formats.has(key)) {
    let f;
    try {
      f = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone || 'UTC', hourCycle: 'h23' });
    } catch {
      // A zone that this browser does not know: UTC, and the label says so.
      f = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC', hourCycle: 'h23' });
    }
    formats.set(key, f);
  }
  return formats.get(key);
}

/** Microseconds since 1970, or null. Keeps the digits behind the millisecond that Date drops. */
export function micros(text) {
  if (text === null || text === undefined || text === '') return null;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return null;
  const fraction = /\.(\d+)/.exec(text);
  const rest = fraction ? Number(fraction[1].padEnd(6, '0').slice(3, 6)) : 0;
  return ms * 1000 + rest;
}

export function utc(text) {
  const us = micros(text);
  if (us === null) return '';
  return `${new Date(us / 1000).toISOString().replace('T', ' ').replace('Z', '').slice(0, 23)} UTC`;
}

export function knownZone(zone) {
  try {
    new Intl.DateTimeFormat('en-GB', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** "14:03:22" on the same day there, else "24 Nov 14:03", with the year where it is another. */
export function local(text, zone, now) {
  const us = micros(text);
  if (us === null) return '–';
  const date = new Date(us / 1000);
  const day = { year: 'numeric', month: 'short', day: 'numeric' };
  const today = format(zone, day).format(new Date(now / 1000));
  const that = format(zone, day).format(date);
  if (today === that) return format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date);
  const year = format(zone, { year: 'numeric' });
  const same = year.format(date) === year.format(new Date(now / 1000));
  const shown = format(zone, same ? { month: 'short', day: 'numeric' } : day).format(date);
  return `${shown} ${format(zone, { hour: '2-digit', minute: '2-digit' }).format(date)}`;
}

/** With milliseconds, for the console and lists of events. */
export function clock(us, zone) {
  const date = new Date(us / 1000);
  const text = format(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(date);
  return `${text}.${String(date.getUTCMilliseconds()).padStart(3, '0')}`;
}

/** "3 s ago"; a clock that runs behind the server's makes no times in the future. */
export function ago(text, now) {
  const us = micros(text);
  if (us === null) return 'never';
  const s = Math.max(0, Math.floor((now - us) / 1e6));
  if (s < 2) return 'just now';
  if (s < 60) return `${s} s ago`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min ago`;
  const h = Math.floor(m / 60);
  return h < 48 ? `${h} h ago` : `${Math.floor(h / 24)} d ago`;
}
