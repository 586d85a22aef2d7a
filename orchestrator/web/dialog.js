// SPDX-License-Identifier: GPL-3.0-or-later
// Forms in a <dialog>: named fields, one error place, the netboot-ctl line that does the same, and a button that is
// busy while the server works. A refusal leaves the form open with all that was typed.
import { append, clear, h, icon, setText } from './dom.js';

/** A field {name, label, type?, value?, options?, hint?, required?, check?(value)->text|''} as label and input. */
function field(f, id, onInput) {
  const shared = { id, name: f.name, required: f.required, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off',
    'aria-describedby': f.hint ? `${id}-hint` : null, oninput: onInput };
  let input;
  if (f.options) {
    input = h('select', shared, f.options.map((o) => h('option', { value: o.value ?? o, selected: (o.value ?? o) === f.value }, o.label ?? o)));
  } else if (f.type === 'checkbox') {
    input = h('input', { ...shared, type: 'checkbox', checked: f.value });
  } else {
    input = h('input', { ...shared, type: f.type || 'text', maxlength: f.max || 255, value: f.value || '', placeholder: f.placeholder });
  }
  const label = h('label', { for: id }, f.label);
  const hint = f.hint ? h('p', { class: 'hint', id: `${id}-hint` }, f.hint) : null;
  const wrong = f.check ? h('p', { class: 'hint', 'aria-live': 'polite' }) : null;
  const row = h('div', { class: f.type === 'checkbox' ? 'field check' : 'field' },
    f.type === 'checkbox' ? [input, label] : [label, input], hint, wrong);
  return { row, input, wrong };
}

function problem(box, e) {
  const lines = e.errors?.length > 1 ? e.errors : [];
  clear(box, h('p', null, h('strong', null, e.code || 'failed'), ': ', e.message),
    e.next ? h('p', { class: 'next' }, 'Next: ', e.next) : null,
    lines.length ? h('ul', null, lines.map((l) => h('li', null, l.host ? `${l.host}: ` : '', `${l.text}`, l.next ? ` — ${l.next}` : ''))) : null);
  box.hidden = false;
}

/** The line for a terminal, with a button that copies it. */
function commandLine(get) {
  const code = h('code', { class: 'cli', tabindex: '0', 'aria-label': 'the same on a terminal' });
  const said = h('span', { class: 'unseen', role: 'status' });
  const button = h('button', { type: 'button', class: 'quiet small', onclick: async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      setText(said, 'copied');
      setText(word, 'Copied');
    } catch {
      // No clipboard without TLS: marked, so that one key copies it.
      getSelection().selectAllChildren(code);
      setText(word, 'Marked');
    }
  } });
  const word = h('span', null, 'Copy');
  append(button, [icon('copy'), word]);
  return { node: h('div', { class: 'command' }, h('span', { class: 'hint' }, 'The same on a terminal'),
    h('div', { class: 'cliline' }, code, button), said),
  // Each option on one line, where it fits: an option is not to be broken at its dashes.
  update: () => {
    clear(code, get().split(/ (?=--)/).flatMap((part, i) => [i ? ' ' : null, h('span', null, part)]));
    setText(word, 'Copy');
  } };
}

let serial = 0;

/** Opens the form; resolves to what send() gave, or null when it was closed. spec: {title, intro, fields, command(values),
 * submit, danger, send(values)}. The button waits until every field's check is content. */
export function openForm(spec) {
  serial += 1;
  const prefix = `f${serial}`;
  return new Promise((resolve) => {
    const values = () => Object.fromEntries(parts.map(({ f, input }) => [f.name,
      f.type === 'checkbox' ? input.checked : input.value.trim()]));
    const good = (v) => spec.fields.every((f) => (!f.required || v[f.name]) && !(f.check && f.check(v[f.name])));
    const update = () => {
      command?.update();
      for (const { f, input, wrong } of parts) if (wrong) setText(wrong, input.value ? f.check(input.value.trim()) : '');
      submit.disabled = busy || !good(values());
      dismiss.disabled = busy;
    };
    let busy = false;
    const parts = spec.fields.map((f) => ({ f, ...field(f, `${prefix}-${f.name}`, () => update()) }));
    const box = h('div', { class: 'problem', role: 'alert', hidden: true });
    const command = spec.command ? commandLine(() => spec.command(values())) : null;
    const submit = h('button', { type: 'submit', class: spec.danger ? 'danger' : 'primary' }, spec.submit);
    const dismiss = h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, spec.dismiss || 'Leave it');
    const form = h('form', { method: 'dialog', onsubmit: async (e) => {
      e.preventDefault();
      if (busy || !good(values())) return;
      busy = true;
      update();
      setText(submit, 'Asking the server…');
      box.hidden = true;
      try {
        result = await spec.send(values());
        busy = false;
        dialog.close();
        return;
      } catch (err) {
        problem(box, err);
      }
      busy = false;
      setText(submit, spec.submit);
      update();
    } }, h('h2', { id: `${prefix}-title` }, spec.title), spec.intro ? h('div', { class: 'intro' }, spec.intro) : null,
    parts.map((p) => p.row), command?.node, box, h('div', { class: 'buttons' }, dismiss, submit));
    let result = null;
    // While the server is asked nothing closes it: an order that is given is not to look like one that was left.
    const dialog = h('dialog', { class: 'form', 'aria-labelledby': `${prefix}-title`, oncancel: (e) => { if (busy) e.preventDefault(); }, onclose: () => {
      // Chromium lets a second Escape through.
      if (busy) {
        dialog.showModal();
        return;
      }
      dialog.remove();
      resolve(result);
    } }, form);
    document.body.append(dialog);
    update();
    dialog.showModal();
    (parts.find(({ f }) => f.focus) || parts[0])?.input.focus();
  });
}

/** Something to read, closed by Escape or the button. */
export function openText(title, ...content) {
  const dialog = h('dialog', { 'aria-labelledby': 'text-title', onclose: () => dialog.remove() },
    h('h2', { id: 'text-title' }, title), content,
    h('form', { method: 'dialog', class: 'buttons' }, h('button', { class: 'quiet' }, 'Close')));
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
