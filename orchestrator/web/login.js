// SPDX-License-Identifier: GPL-3.0-or-later
// The login: a dialog above whatever is shown, so that a session that is over costs nothing that was typed below it.
import { login, readSession } from './api.js';
import { clear, h, setText } from './dom.js';

/** Resolves when there is a session. It cannot be left: nothing works without one. */
export function askToken() {
  return new Promise((resolve) => {
    const box = h('div', { class: 'problem', role: 'alert', hidden: true });
    const input = h('input', { id: 'token', name: 'token', type: 'password', autocomplete: 'current-password', required: true,
      spellcheck: 'false', autocapitalize: 'off', 'aria-describedby': 'token-hint' });
    const button = h('button', { type: 'submit', class: 'primary' }, 'Sign in');
    const dialog = h('dialog', { class: 'login', 'aria-labelledby': 'login-title',
      oncancel: (e) => e.preventDefault(),
      onclose: () => {
        // Chromium lets a second Escape through.
        if (!done) dialog.showModal();
        else dialog.remove();
      } },
    h('form', { onsubmit: async (e) => {
      e.preventDefault();
      button.disabled = true;
      setText(button, 'Signing in…');
      box.hidden = true;
      try {
        await login(input.value.trim());
        leave();
      } catch (err) {
        const wrong = err.status === 401;
        clear(box, h('p', null, wrong ? 'This token is not known, or has expired.' : err.message),
          err.next ? h('p', { class: 'next' }, 'Next: ', err.next) : null);
        box.hidden = false;
        input.focus();
        input.select();
      }
      button.disabled = false;
      setText(button, 'Sign in');
    } }, h('h1', { id: 'login-title' }, 'netboot'), h('p', { class: 'muted' }, 'Sign in with your token.'),
    h('div', { class: 'field' }, h('label', { for: 'token' }, 'Token'), input,
      h('p', { class: 'hint', id: 'token-hint' }, 'An administrator makes one with ', h('code', null, 'netboot-ctl token add'), '.')),
    box, h('div', { class: 'buttons' }, button)));
    let done = false;
    const leave = () => {
      if (done) return;
      done = true;
      input.value = '';
      for (const [where, kind] of seen) where.removeEventListener(kind, look);
      dialog.close();
      resolve();
    };
    // Signed in in another tab: the cookie is this one's, too.
    const look = async () => {
      if (document.hidden || done) return;
      try {
        if (await readSession()) leave();
      } catch {
        // The server is away; the form says so when it is sent.
      }
    };
    const seen = [[document, 'visibilitychange'], [window, 'focus']];
    for (const [where, kind] of seen) where.addEventListener(kind, look);
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}
