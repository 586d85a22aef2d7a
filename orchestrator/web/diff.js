// SPDX-License-Identifier: GPL-3.0-or-later
// The difference between two JSON documents, as lines of an audit row. Pure.

/** [{path, before, after}] of what is not equal; undefined where a side has none. */
export function difference(before, after, path = '') {
  if (same(before, after)) return [];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((k) => difference(before[k], after[k], path ? `${path}.${k}` : k));
  }
  if (isObject(after) && (before === null || before === undefined)) return leaves(after, path, 'after');
  if (isObject(before) && (after === null || after === undefined)) return leaves(before, path, 'before');
  return [{ path: path || 'value', before, after }];
}

function leaves(value, path, side) {
  return Object.keys(value).sort().map((k) => ({
    path: path ? `${path}.${k}` : k, before: undefined, after: undefined, [side]: value[k] }));
}

function isObject(v) {
  return v !== null && typeof v === 'object' && !Array.isArray(v);
}

function same(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

export function show(v) {
  if (v === undefined) return '—';
  return typeof v === 'string' ? v : JSON.stringify(v);
}
