// SPDX-License-Identifier: GPL-3.0-or-later
// The server's clock. What is late is judged by the clock that the times come from, not by the reader's own, which may
// be minutes off. Each answer that says its time corrects the difference.

let skewMs = 0;
let heard = false;

/** `date`: the server's instant in milliseconds, known to `grain`; asked and answered by the browser's clock. */
export function learn(date, asked, answered, grain = 0) {
  if (!Number.isFinite(date)) return;
  heard = true;
  const skew = date + grain / 2 - (asked + answered) / 2;
  // Within what the way and the grain leave open, the present one is as good: times are not to jitter.
  if (Math.abs(skew - skewMs) > (answered - asked) / 2 + grain) skewMs = skew;
}

/** Has any answer told the server's time? */
export function known() {
  return heard;
}

/** Microseconds since 1970 by the server's clock. */
export function now() {
  return (Date.now() + skewMs) * 1000;
}
