// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers as people read them: durations, octets, rates, counts. Pure; nothing here touches the page.
// Durations come in microseconds, as the interface has them.

/** 850000 -> "0.8 s", 75000000 -> "1 m 15 s". What is unknown is a dash, never 0. */
export function duration(us) {
  if (us === null || us === undefined || !Number.isFinite(us)) return '–';
  const s = Math.max(0, us) / 1e6;
  if (s < 0.001) return '0 s';
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${(Math.floor(s * 10) / 10).toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return two(m, 'm', Math.floor(s % 60), 's');
  const h = Math.floor(m / 60);
  if (h < 48) return two(h, 'h', m % 60, 'm');
  return two(Math.floor(h / 24), 'd', h % 24, 'h');
}

function two(big, bigUnit, small, smallUnit) {
  return small ? `${big} ${bigUnit} ${small} ${smallUnit}` : `${big} ${bigUnit}`;
}

export function octets(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return '–';
  if (n < 1000) return `${n} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let v = n / 1000;
  let i = 0;
  while (v >= 999.5 && i < units.length - 1) {
    v /= 1000;
    i += 1;
  }
  return `${v < 10 ? v.toFixed(1) : Math.round(v)} ${units[i]}`;
}

export function rate(n) {
  return n === null || n === undefined ? '' : `${octets(Math.round(n))}/s`;
}

/** 1 -> "1 host", 2 -> "2 hosts" */
export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

export function short(hash, n = 12) {
  return hash ? String(hash).slice(0, n) : '';
}
