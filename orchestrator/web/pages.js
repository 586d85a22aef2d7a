// SPDX-License-Identifier: GPL-3.0-or-later
// Lists that are read page by page, the newest first, while new items come at their front. Pure.

/** What was loaded, with its front as it is now. list, page: {items, next}, next the cursor of what is older, or null. Items that the page does
 * not reach are kept as they were read; where the page does not meet the list, something between them is not known: the page alone is. */
export function renew(list, page) {
  const last = page.items.at(-1);
  const at = last ? list.items.findIndex((item) => item.id === last.id) : -1;
  if (!page.next || at < 0 || at === list.items.length - 1) return page;
  return { items: [...page.items, ...list.items.slice(at + 1)], next: list.next };
}

/** With a page of older items at its end, unless the list's end is not any more where that page was asked for. */
export function extend(list, page, cursor) {
  return list.next === cursor ? { items: [...list.items, ...page.items], next: page.next } : list;
}
