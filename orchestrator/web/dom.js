// SPDX-License-Identifier: GPL-3.0-or-later
// Making and changing elements. Text is only ever set as text: nothing here, or anywhere in the page, parses HTML,
// since host names, reasons and consoles come from machines.
import { now } from './clock.js';
import { ago, clock, local, utc, micros } from './time.js';

const SVG = 'http://www.w3.org/2000/svg';

function fill(el, props, children) {
  for (const [key, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) el.addEventListener(key.slice(2), value);
    else if (key === 'class') el.setAttribute('class', value);
    else if (key === 'dataset') Object.assign(el.dataset, value);
    else if (key === 'value' && 'value' in el) el.value = value;
    else el.setAttribute(key, value === true ? '' : String(value));
  }
  append(el, children);
  return el;
}

export function append(el, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    el.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** h('a', {class: 'x', href: '#'}, 'text', node, [more]) */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

export function clear(el, ...children) {
  el.replaceChildren();
  append(el, children);
  return el;
}

/** Sets text only where it differs, so that a screen reader and a selection are left alone. */
export function setText(el, text) {
  const value = text === null || text === undefined ? '' : String(text);
  if (el.textContent !== value) el.textContent = value;
}

export function setClass(el, value) {
  if (el.getAttribute('class') !== value) el.setAttribute('class', value);
}

// Shapes in a box of 16; each state has its own, since colour alone says nothing to many.
const SHAPES = {
  stuck: ['M8 1.6 15 14H1Z', 'M8 6v4', 'M8 11.6v.9'],
  failed: ['M8 1.5a6.5 6.5 0 1 0 .01 0Z', 'M5.5 5.5l5 5m0-5-5 5'],
  busy: ['M8 1.5a6.5 6.5 0 1 0 .01 0Z', 'M8 4.5V8l2.5 1.6'],
  locked: ['M3.5 7h9v7h-9Z', 'M5.3 7V5a2.7 2.7 0 0 1 5.4 0v2'],
  idle: ['M8 1.5a6.5 6.5 0 1 0 .01 0Z'],
  ok: ['M8 1.5a6.5 6.5 0 1 0 .01 0Z', 'M5 8.2l2.1 2.1L11.2 6'],
  unknown: ['M8 1.5a6.5 6.5 0 1 0 .01 0Z', 'M6.2 6.3a1.8 1.8 0 1 1 2.4 1.7c-.4.2-.6.5-.6 1', 'M8 11.2v.6'],
  skipped: ['M3 8h10'],
  flag: ['M4 15V2', 'M4 2.5h8l-2 3 2 3H4'],
  sun: ['M8 5a3 3 0 1 0 .01 0Z', 'M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9 13 13M13 3l-1.1 1.1M4.1 11.9 3 13'],
  copy: ['M5.5 5.5h8v8h-8Z', 'M10.5 5.5v-3h-8v8h3'],
};

export function icon(name) {
  return svg('svg', { class: `icon icon-${name}`, viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    (SHAPES[name] || SHAPES.unknown).map((d) => svg('path', { d })));
}

/** Sign and word of a state; `word` where another one is better. */
export function badge(state, word = state) {
  return h('span', { class: `badge s-${state}` }, icon(state), h('span', null, word));
}

/** An instant in the site's zone, UTC on hover. */
export function when(text, zone, at = now()) {
  if (micros(text) === null) return h('span', { class: 'muted' }, '–');
  return h('time', { datetime: text, title: `${utc(text)}${zone ? ` · shown in ${zone}` : ''}` }, local(text, zone, at));
}

/** An instant among others of one boot or job, with milliseconds; date and UTC on hover. */
export function moment(text, zone) {
  const us = micros(text);
  return us === null ? h('span', { class: 'muted' }, '–') : h('time', { datetime: text, title: utc(text) }, clock(us, zone));
}

/** How long ago, kept up to date by refreshAges(). */
export function age(text, at = now()) {
  if (micros(text) === null) return h('span', { class: 'muted' }, 'never');
  return h('time', { datetime: text, title: utc(text), dataset: { age: text } }, ago(text, at));
}

export function refreshAges(root, now) {
  for (const el of root.querySelectorAll('[data-age]')) setText(el, ago(el.dataset.age, now));
}

/** Terms and their values; what is empty is left out. */
export function facts(pairs) {
  const dl = h('dl', { class: 'facts' });
  for (const [term, ...value] of pairs) {
    if (value.every((v) => v === null || v === undefined || v === '')) continue;
    dl.append(h('div', null, h('dt', null, term), h('dd', null, value)));
  }
  return dl;
}

export function panel(title, props, ...children) {
  const id = `p-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return h('section', { ...props, class: `panel ${props?.class || ''}`, 'aria-labelledby': id },
    h('h2', { id }, title), children);
}

export function empty(text, ...more) {
  return h('p', { class: 'empty' }, text, more);
}

/** Draws a view anew only when what it shows has changed, and gives the focus back to the control that had it: nothing is
 * to vanish under a finger. What grows by the clock alone is not a change. */
export function redraw(view, shown, draw) {
  const key = JSON.stringify(shown, (k, v) => (k === 'in_stage_us' || k === 'this_us' ? undefined : v));
  if (key === view.drawn) return;
  view.drawn = key;
  const name = (el) => `${el.tagName} ${el.id} ${el.getAttribute('href') || ''} ${el.textContent}`;
  const active = document.activeElement?.closest('main a, main button, main summary');
  const wanted = active ? name(active) : null;
  // What was opened, closed or scrolled by hand stays so.
  const label = (el) => el.querySelector('summary')?.textContent.replace(/\d[\d,]*.*/, '');
  const opened = new Map([...document.querySelectorAll('main details')].map((el) => [label(el), el.open]));
  const scrolled = [...document.querySelectorAll('main .tall')].map((el) => el.scrollTop);
  draw();
  for (const el of document.querySelectorAll('main details')) el.open = opened.get(label(el)) ?? el.open;
  document.querySelectorAll('main .tall').forEach((el, i) => { el.scrollTop = scrolled[i] || 0; });
  if (!wanted || document.activeElement === active) return;
  [...document.querySelectorAll(`main ${active.tagName.toLowerCase()}`)].find((el) => name(el) === wanted)?.focus({ preventScroll: true });
}

/** Says it to a screen reader without moving the focus. */
export function announce(text) {
  setText(document.getElementById('live'), text);
}
