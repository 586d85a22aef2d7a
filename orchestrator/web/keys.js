// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of the whole page. Nothing is taken while something is typed, a dialog is open, or with Ctrl, Alt or Meta.
import { h } from './dom.js';
import { openText } from './dialog.js';

const HELP = [
  ['/', 'search'], ['j k', 'next, previous row'], ['Enter', 'open the row'], ['g f', 'fleet'], ['g j', 'jobs'], ['g r', 'rollouts'],
  ['g d', 'discovered'], ['g a', 'audit'], ['g i', 'images and sites'], ['t', 'dark or light'], ['?', 'this help'],
  ['Esc', 'leave the search, close a dialog, go up'],
];
const GO = { f: 'fleet', j: 'jobs', r: 'rollouts', d: 'discovered', a: 'audit', i: 'inventory' };

export function showHelp() {
  openText('Keys', h('dl', { class: 'keys' }, HELP.map(([key, what]) => h('div', null,
    h('dt', null, key.split(' ').map((k) => h('kbd', null, k))), h('dd', null, what)))));
}

/** app: {view(), go(view), theme()}; a view may have list.move(by), search() and up(). */
export function listen(app) {
  let before = '';
  let at = 0;
  document.addEventListener('keydown', (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey || document.querySelector('dialog[open]')) return;
    const typing = e.target.closest('input, select, textarea');
    if (e.key === 'Escape') {
      if (typing) typing.blur();
      else app.view()?.up?.();
      return;
    }
    if (typing) return;
    const after = e.timeStamp - at < 1500 ? before : '';
    at = e.timeStamp;
    before = e.key === 'g' ? 'g' : '';
    if (after === 'g' && GO[e.key]) app.go(GO[e.key]);
    else if (e.key === '/') app.view()?.search?.();
    else if (e.key === 'j') move(app, 1);
    else if (e.key === 'k') move(app, -1);
    else if (e.key === '?') showHelp();
    else if (e.key === 't') app.theme();
    else return;
    e.preventDefault();
  });
}

// Views without a virtual list have rows that are in the document: their links, in order.
function move(app, by) {
  const list = app.view()?.list;
  if (list) {
    list.move(by);
    return;
  }
  const rows = [...document.querySelectorAll('main [data-row]')];
  const at = rows.findIndex((r) => r.contains(document.activeElement));
  const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  (next?.matches('a, button, summary') ? next : next?.querySelector('a, button, summary'))?.focus();
}
