// SPDX-License-Identifier: GPL-3.0-or-later
// Dark or light as it was chosen, before anything is painted: hence no module, and in the head.
try {
  const theme = localStorage.getItem('theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: as the system has it.
}
