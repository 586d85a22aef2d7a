// SPDX-License-Identifier: GPL-3.0-or-later
// The audit: who did what to which object, from where and why, what it was before and after; the head of its chain, and
// a button that has the server check every row.
import { get, q } from './api.js';
import { badge, clear, empty, h, setText, when } from './dom.js';
import { difference, show } from './diff.js';
import { short } from './format.js';
import { utc } from './time.js';

const PAGE = 100;
const FIELDS = [['who', 'Who'], ['what', 'What'], ['object', 'Object']];

function side(name, value) {
  return h('td', { class: value === undefined ? 'none' : name }, show(value));
}

export class AuditView {
  constructor(app, arg, params) {
    this.app = app;
    this.filter = params;
  }

  title() {
    return 'Audit';
  }

  params(params) {
    this.filter = params;
    for (const [name] of this.form ? FIELDS : []) this.form.elements[name].value = params[name] || '';
    this.app.attempt(this, async () => {
      await this.read();
      if (!this.closed) this.draw();
    });
  }

  query(before) {
    return `/audit?limit=${PAGE}${FIELDS.map(([n]) => (this.filter[n] ? `&${n}=${q(this.filter[n])}` : '')).join('')}${before ? `&before=${before}` : ''}`;
  }

  async read() {
    const page = await get(this.query());
    this.items = page.items;
    this.full = page.next != null;
  }

  async show() {
    const [head] = await Promise.all([get('/audit/head'), this.read()]);
    if (this.closed) return;
    this.chain = head;
    this.build();
    this.draw();
  }

  build() {
    const inputs = FIELDS.map(([name, label]) => h('div', { class: 'inline' }, h('label', { for: `audit-${name}` }, label),
      h('input', { id: `audit-${name}`, type: 'search', name, value: this.filter[name] || '', autocomplete: 'off', spellcheck: 'false' })));
    this.form = h('form', { class: 'filters', onsubmit: (e) => e.preventDefault(), onchange: () => {
      const wanted = Object.fromEntries(FIELDS.map(([n]) => [n, this.form.elements[n].value.trim()]));
      this.app.router.go('audit', '', wanted);
    } }, inputs);
    this.result = h('span', { role: 'status' });
    const verify = h('button', { type: 'button', onclick: () => this.verify(verify) }, 'Verify the chain');
    this.list = h('ol', { class: 'audit' });
    this.foot = h('div');
    this.said = h('div');
    clear(this.app.main, h('h1', null, 'Audit'), h('div', { class: 'chain panel' }, h('p', null, 'Head: row ', h('strong', null, String(this.chain.seq)), ', ', utc(this.chain.at), ' ',
      h('code', { class: 'hash', title: this.chain.hash }, this.chain.hash)), h('div', { class: 'row' }, verify, h('a', { class: 'button quiet', href: '/api/v1/audit/export', download: 'audit.ndjson' }, 'Export'), this.result)), this.form, this.said, this.list, this.foot);
  }

  async verify(button) {
    button.disabled = true;
    setText(this.result, 'Checking every row…');
    try {
      const v = await get('/audit/verify');
      clear(this.result, v.ok ? badge('ok', `${v.rows.toLocaleString('en')} rows, unbroken`) : badge('failed', `broken at row ${v.broken?.seq}: ${v.broken?.why}`));
    } catch (e) {
      setText(this.result, e.message);
    }
    button.disabled = false;
  }

  draw() {
    clear(this.list, this.items.map((a) => this.item(a)));
    clear(this.foot, this.items.length ? null : empty('Nothing is like that.'), this.full ? h('button', { type: 'button', class: 'quiet', onclick: (e) => this.app.act(e.currentTarget, async () => {
      const page = await get(this.query(this.items.at(-1).seq));
      this.items.push(...page.items);
      this.full = page.next != null;
      this.draw();
    }) }, 'Older rows') : null);
  }

  item(a) {
    const lines = difference(a.before, a.after);
    return h('li', null, h('details', { 'data-row': true }, h('summary', null, h('span', { class: 'num muted' }, `${a.seq}`), when(a.at, 'UTC'), h('strong', null, a.who), h('span', { class: 'muted' }, a.role || ''),
      h('code', null, a.what), h('span', { class: 'mono object' }, a.object), a.result === 'ok' ? badge('ok') : badge('failed', a.result), h('span', { class: 'text' }, a.reason || '')),
    h('div', { class: 'more' }, h('p', { class: 'muted' }, a.from ? `from ${a.from} · ` : '', 'hash ', h('code', { title: a.hash }, short(a.hash, 16))),
      a.detail ? h('p', null, show(a.detail)) : null,
      lines.length ? h('div', { class: 'difftable' }, h('table', { class: 'diff' }, h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Member'), h('th', { scope: 'col' }, 'Before'), h('th', { scope: 'col' }, 'After'))),
        h('tbody', null, lines.map((l) => h('tr', null, h('th', { scope: 'row' }, l.path), side('before', l.before), side('after', l.after))))))
        : h('p', { class: 'muted' }, 'No object was changed by it.'))));
  }

  search() {
    this.form?.elements.who.focus();
  }

  close() {
    this.closed = true;
  }
}
