// SPDX-License-Identifier: GPL-3.0-or-later
// Console recordings (docs/protocol.md, "Console recordings"): octets -> frames -> lines of text with their times.
// Pure. The octets are a machine's and not to be trusted: what does not check ends the reading, control sequences
// are dropped, and the result is text for textContent alone.

const MARKS = ['', 'connected', 'gap', 'lost', 'stolen by another session', 'refused', 'yielded to calls to the BMC',
  'truncated: nothing later is kept', 'end'];
const HEAD = 12;
const LINE_MAX = 2000;

const table = new Uint32Array(256);
for (let n = 0; n < 256; n += 1) {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  table[n] = c >>> 0;
}

export function crc32(octets) {
  let c = 0xffffffff;
  for (let i = 0; i < octets.length; i += 1) c = table[(c ^ octets[i]) & 0xff] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** {frames:[{type:'D'|'M',at,data|mark,text}], whole}: whole is false where octets at the end are not read. */
export function decode(buffer) {
  const octets = new Uint8Array(buffer);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const frames = [];
  const latin = new TextDecoder();
  let at = 0;
  while (at + HEAD + 4 <= octets.length) {
    const length = view.getUint16(at + 2);
    const end = at + HEAD + length;
    if (end + 4 > octets.length) break;
    if (crc32(octets.subarray(at, end)) !== view.getUint32(end)) break;
    const type = String.fromCharCode(octets[at]);
    if ((at === 0) !== (type === 'B')) break;
    const time = Number(view.getBigUint64(at + 4));
    const body = octets.subarray(at + HEAD, end);
    if (type === 'D') frames.push({ type, at: time, data: body });
    if (type === 'M' && MARKS[octets[at + 1]]) {
      frames.push({ type, at: time, mark: MARKS[octets[at + 1]], text: clean(latin.decode(body)) });
    }
    at = end + 4;
  }
  return { frames, whole: at === octets.length };
}

/** Controls, and what turns the direction of writing, become visible. */
export function clean(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** A terminal's stream made into lines: escape sequences dropped, CR and BS obeyed within the line. Feed it
 * frames in order; `lines` are {at, text} or {at, mark}, the last one may still grow. */
export class Lines {
  constructor() {
    this.lines = [];
    this.row = [];
    this.column = 0;
    this.rowAt = null;
    this.state = 'text';
    this.decoder = new TextDecoder();
  }

  feed(frame) {
    if (frame.type === 'M') {
      this.flush();
      this.lines.push({ at: frame.at, mark: frame.text ? `${frame.mark}: ${frame.text}` : frame.mark });
      return;
    }
    for (const c of this.decoder.decode(frame.data, { stream: true })) this.put(c, frame.at);
  }

  put(c, at) {
    if (this.state !== 'text') {
      this.escape(c);
    } else if (c === '\u001b') {
      this.state = 'esc';
    } else if (c === '\n') {
      if (this.rowAt === null) this.rowAt = at;
      this.flush();
    } else if (c === '\r') {
      this.column = 0;
    } else if (c === '\b') {
      this.column = Math.max(0, this.column - 1);
    } else if (c === '\t') {
      do this.cell(' ', at); while (this.column % 8 && this.column < LINE_MAX);
    } else if (c >= ' ' && c !== '\u007f') {
      this.cell(clean(c), at);
    }
  }

  cell(c, at) {
    if (this.rowAt === null) this.rowAt = at;
    if (this.column >= LINE_MAX) this.flush(at);
    if (this.rowAt === null) this.rowAt = at;
    while (this.row.length < this.column) this.row.push(' ');
    this.row[this.column] = c;
    this.column += 1;
  }

  // ECMA-48: ESC [ parameters final, ESC ] text BEL or ST, ESC and one more.
  escape(c) {
    if (this.state === 'esc') {
      if (c === '[') this.state = 'csi';
      else if (c === ']' || c === 'P' || c === 'X' || c === '^' || c === '_') this.state = 'string';
      else if (c >= ' ' && c <= '/') this.state = 'esc';
      else this.state = 'text';
    } else if (this.state === 'csi') {
      if (c >= '@' && c <= '~') {
        // Firmware that moves the cursor home or clears begins another picture: do not write over the old one.
        if ((c === 'H' || c === 'J' || c === 'f') && this.row.length) this.flush();
        this.state = 'text';
      }
    } else if (c === '\u0007' || c === '\u009c') {
      this.state = 'text';
    } else if (c === '\u001b') {
      this.state = 'esc';
    }
  }

  flush() {
    if (this.rowAt !== null) this.lines.push({ at: this.rowAt, text: this.row.join('').trimEnd() });
    this.row = [];
    this.column = 0;
    this.rowAt = null;
  }

  /** All lines, the unfinished one with them. */
  all() {
    return this.rowAt === null ? this.lines : [...this.lines, { at: this.rowAt, text: this.row.join('').trimEnd() }];
  }
}

/** Runs of empty lines are one, as a firmware that clears its screen makes hundreds. */
export function squeeze(lines) {
  return lines.filter((l, i) => l.mark || l.text || (i > 0 && (lines[i - 1].mark || lines[i - 1].text)));
}
