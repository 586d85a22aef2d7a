// SPDX-License-Identifier: GPL-3.0-or-later
// A list of any length of which only what is seen is in the document. Rows have one height, given by the style
// (--row of the list), and scroll with the page. A row's element is kept while it is seen, by its key, so that the
// focus and a selection stay when others come and go.

const MORE = 12; // rows above and below, so that a turn of the wheel meets no empty place

export class VirtualList {
  /** make(item) -> element, update(element, item, index); items have .key */
  constructor(root, make, update) {
    this.root = root;
    this.make = make;
    this.update = update;
    this.items = [];
    this.shown = new Map();
    this.draw = () => {
      this.asked ??= requestAnimationFrame(() => {
        this.asked = null;
        this.paint();
      });
    };
    window.addEventListener('scroll', this.draw, { passive: true });
    window.addEventListener('resize', this.draw);
  }

  set(items) {
    this.items = items;
    this.paint();
  }

  rowHeight() {
    return parseFloat(getComputedStyle(this.root).getPropertyValue('--row')) || 36;
  }

  paint() {
    const height = this.rowHeight();
    const total = `${this.items.length * height}px`;
    if (this.root.style.height !== total) this.root.style.height = total;
    const top = this.root.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / height) - MORE);
    const last = Math.min(this.items.length, Math.ceil((window.innerHeight - top) / height) + MORE);
    const wanted = new Map();
    for (let i = first; i < last; i += 1) wanted.set(this.items[i].key, i);
    const focused = document.activeElement?.closest?.('[data-key]')?.dataset.key;
    // The row that has the focus stays in the document when it is scrolled away; when it is no more in the list, the focus
    // goes to the one in its place.
    const kept = focused !== undefined && this.shown.has(focused) && !wanted.has(focused) ? this.items.findIndex((it) => it.key === focused) : -1;
    const lost = focused !== undefined && this.shown.has(focused) && !wanted.has(focused) && kept < 0 ? this.shown.get(focused).getBoundingClientRect().top - top : null;
    if (kept >= 0) wanted.set(focused, kept);
    for (const [key, el] of this.shown) {
      if (!wanted.has(key)) {
        el.remove();
        this.shown.delete(key);
      }
    }
    let before = null;
    for (const [key, i] of wanted) {
      let el = this.shown.get(key);
      if (!el) {
        el = this.make(this.items[i]);
        el.dataset.key = key;
        this.shown.set(key, el);
      }
      // In the order of the list, for the tab key and screen readers; moved only where it is not there yet.
      const place = before ? before.nextSibling : this.root.firstChild;
      if (el !== place) this.root.insertBefore(el, place);
      before = el;
      el.style.transform = `translateY(${i * height}px)`;
      this.update(el, this.items[i], i);
    }
    if (lost !== null && this.items.length) {
      const i = Math.min(this.items.length - 1, Math.max(0, Math.round(lost / height)));
      this.shown.get(this.items[i].key)?.querySelector('a')?.focus({ preventScroll: true });
    }
  }

  /** Moves the focus by so many rows from the one that has it. */
  move(by) {
    const key = document.activeElement?.closest?.('[data-key]')?.dataset.key;
    const at = key === undefined ? -1 : this.items.findIndex((it) => it.key === key);
    this.focus(at < 0 ? (by > 0 ? 0 : this.items.length - 1) : at + by);
  }

  focus(index) {
    const i = Math.min(this.items.length - 1, Math.max(0, index));
    if (i < 0) return;
    const height = this.rowHeight();
    const top = this.root.getBoundingClientRect().top + i * height;
    const head = document.querySelector('.sticky')?.getBoundingClientRect().bottom || 0;
    if (top < head) window.scrollBy(0, top - head - height);
    else if (top + height > window.innerHeight) window.scrollBy(0, top + 2 * height - window.innerHeight);
    this.paint();
    this.shown.get(this.items[i].key)?.querySelector('a')?.focus({ preventScroll: true });
  }

  close() {
    cancelAnimationFrame(this.asked);
    window.removeEventListener('scroll', this.draw);
    window.removeEventListener('resize', this.draw);
  }
}
