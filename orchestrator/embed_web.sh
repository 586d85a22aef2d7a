#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes the page's files as a C table to stdout: embed_web.sh FOLDER, with each file's octets, its octets compressed
# (gzip, without name and time, so that a build can be repeated), and its SHA-256 as the ETag.
set -eu
cd "$1"

octets() {
	od -An -v -tx1 | sed -e 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g' -e 's/^/\t/'
}

echo '/* Made by orchestrator/embed_web.sh from orchestrator/web; not edited by hand. */'
echo '#include "orchestrator/web_assets.h"'
find . -type f ! -name '.*' ! -name '*.md' | sed 's|^\./||' | LC_ALL=C sort >"$2"
n=0
while read -r file; do
	printf '\nstatic const unsigned char plain_%d[] = {\n' "$n"
	octets <"$file"
	# An empty file's array, too, needs an element.
	printf '\t0};\nstatic const unsigned char gzip_%d[] = {\n' "$n"
	gzip -9 -n -c "$file" | octets
	printf '\t0};\n'
	n=$((n + 1))
done <"$2"
printf '\nconst struct web_asset web_asset_table[] = {\n'
n=0
while read -r file; do
	sum=$(sha256sum <"$file" | cut -c1-32)
	printf '\t{"%s", "\\"%s\\"", plain_%d, sizeof(plain_%d) - 1, gzip_%d, sizeof(gzip_%d) - 1},\n' \
		"$file" "$sum" "$n" "$n" "$n" "$n"
	n=$((n + 1))
done <"$2"
printf '};\nconst size_t web_asset_count = %d;\n' "$n"
