#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fetches what package-lock.json names into build/web-npm, once a lock file: the tests' alone, nothing of it is part of the page.
set -eu
cd "$(dirname "$0")/../.."
out=build/web-npm
if cmp -s tests/web/package-lock.json "$out/node_modules/.of-lock"; then
	exit 0
fi
mkdir -p "$out"
# Several test processes begin at once.
exec 9>"$out/.lock"
flock 9
if cmp -s tests/web/package-lock.json "$out/node_modules/.of-lock"; then
	exit 0
fi
cp tests/web/package.json tests/web/package-lock.json "$out"
(cd "$out" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=4)
cp tests/web/package-lock.json "$out/node_modules/.of-lock"
