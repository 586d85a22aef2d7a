#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Writes db/schema/NNNN_*.sql, given in order, as a C table of migrations to stdout. The files must
# be numbered 0001, 0002… without gaps: a gap is a migration that some database would never see.
set -eu

echo '/* Made by db/embed_schema.sh from db/schema; not edited by hand. */'
echo '#include "db/db_schema.h"'
echo
echo 'const struct db_migration db_schema_migrations[] = {'
want=1
for file in "$@"; do
	base=$(basename "$file" .sql)
	number=$(printf '%s' "$base" | sed -n 's/^0*\([0-9][0-9]*\)_.*/\1/p')
	if [ "$number" != "$want" ]; then
		echo "embed_schema.sh: $file: expected number $want" >&2
		exit 1
	fi
	printf '\t{ %d, "%s",\n' "$number" "$base"
	# Comments of their own line are left out: less to embed, and nothing to escape.
	sed -e '/^[[:space:]]*--/d' -e '/^[[:space:]]*$/d' -e 's/\\/\\\\/g' -e 's/"/\\"/g' \
	    -e 's/^/\t  "/' -e 's/$/\\n"/' "$file"
	echo '	},'
	want=$((want + 1))
done
echo '};'
echo "const size_t db_schema_count = $((want - 1));"
