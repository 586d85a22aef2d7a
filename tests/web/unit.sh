#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks the page's modules with node: their syntax, their size, and the unit tests of the pure ones. Laid out in build/web-unit, whose
# package.json says that they are modules: a browser knows that from the page.
set -eu
cd "$(dirname "$0")/../.."
out=build/web-unit
rm -rf "$out"
mkdir -p "$out"
cp orchestrator/web/*.js tests/web/unit/*.mjs "$out"
echo '{"type":"module"}' >"$out/package.json"
for f in "$out"/*.js; do
	node --check "$f"
	head -n 1 "$f" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || { echo "$f: no licence line"; exit 1; }
	[ "$(wc -l <"$f")" -le 400 ] || { echo "$f: more than 400 lines"; exit 1; }
done
# Text of machines is never parsed as HTML, and nothing comes from elsewhere (docs/page.md).
if grep -nE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setHTML' orchestrator/web/*.js; then
	echo 'the page parses no HTML and runs no text'
	exit 1
fi
if grep -nE '(https?:)?//[a-z0-9-]+\.[a-z]' orchestrator/web/*.js orchestrator/web/*.css orchestrator/web/*.html | grep -v 'www.w3.org/2000/svg'; then
	echo 'the page asks no other server'
	exit 1
fi
node --test "$out"/*.test.mjs
