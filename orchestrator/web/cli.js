// SPDX-License-Identifier: GPL-3.0-or-later
// The netboot-ctl line that does what a form does. Pure. Quoted for a POSIX shell, so that it can be pasted.

/** A word as a shell takes it. What cannot be seen, or turns the direction of writing, cannot be pasted safely and is left out:
 * fields have one line and no use for it. */
export function quote(word) {
  const text = String(word).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '');
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replace(/'/g, "'\\''")}'`;
}

/** options: {name: value}; true is a flag, an array repeats, what is empty is left out. */
export function line(words, options = {}) {
  const parts = ['netboot-ctl', ...words.map(quote)];
  for (const [name, value] of Object.entries(options)) {
    for (const v of Array.isArray(value) ? value : [value]) {
      if (v === true) parts.push(`--${name}`);
      else if (v !== false && v !== null && v !== undefined && v !== '') parts.push(`--${name}`, quote(v));
    }
  }
  return parts.join(' ');
}
