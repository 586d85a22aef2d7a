// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses of views: #/host/edge01, #/fleet?state=stuck&q=los. parse() and build() are pure; Router follows the
// address, so that links, the back button and reloading do what they should.

/** "#/host/a%2Fb?x=1" -> {view:'host', arg:'a/b', params:{x:'1'}} */
export function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view, ...rest] = path.split('/');
  let arg = rest.join('/');
  try {
    arg = decodeURIComponent(arg);
  } catch {
    // A broken % is taken as it stands.
  }
  return { view: view || 'fleet', arg, params: Object.fromEntries(new URLSearchParams(query || '')) };
}

export function build(view, arg = '', params = {}) {
  const kept = Object.entries(params).filter(([, v]) => v !== '' && v !== null && v !== undefined);
  const query = new URLSearchParams(kept).toString();
  return `#/${view}${arg ? `/${encodeURIComponent(arg)}` : ''}${query ? `?${query}` : ''}`;
}

export class Router {
  constructor(show) {
    this.show = show;
    window.addEventListener('hashchange', () => this.show(parse(location.hash)));
  }

  start() {
    this.show(parse(location.hash));
  }

  go(view, arg, params) {
    location.hash = build(view, arg, params);
  }

  /** Another filter of the same view: no step for the back button, nothing is shown anew. */
  replace(view, arg, params) {
    const hash = build(view, arg, params);
    if (hash !== location.hash) history.replaceState(null, '', hash);
  }
}
