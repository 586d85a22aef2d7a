#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# All checks of the source, each counted as one test (tests/run.sh step). Needs build/release.
set -u
cd "$(dirname "$0")/../.." || exit 1
here=tests/lint

# What git knows; in an unpacked archive, what lies there.
files() { # PATTERN...
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -- "$@" | while read -r f; do [ ! -e "$f" ] || echo "$f"; done
	else
		local args=() p
		for p in "$@"; do args+=(-o -path "./$p"); done
		find . -path ./build -prune -o -type f \( "${args[@]:1}" \) -print | sed 's|^\./||' | sort
	fi
}

step() { tests/run.sh step "$@"; }

check_format() {
	local version
	version=$(clang-format --version | grep -oE 'version [0-9]+' | grep -oE '[0-9]+')
	# Releases of clang-format differ in small things; the project's is Debian 12's.
	if [ "$version" -ne 14 ]; then
		echo "clang-format $version is not 14: not checked"
		return 0
	fi
	files '*.c' '*.h' | xargs -P 2 -n 20 clang-format --dry-run -Werror
}

check_cppcheck() {
	mkdir -p build/cppcheck
	files '*.c' | grep -v '^tests/fuzz/' >build/cppcheck/files
	cppcheck -q -j 2 --std=c11 --library=posix --library=gnu -I. -D_GNU_SOURCE --include=$here/cppcheck_macros.h \
		--enable=warning,performance,portability --inline-suppr \
		--suppressions-list=$here/cppcheck.txt --cppcheck-build-dir=build/cppcheck \
		--error-exitcode=1 --file-list=build/cppcheck/files
}

check_shell() {
	files '*.sh' '.ci/run' | xargs shellcheck -S warning
}

check_man() {
	local page bad=0
	while read -r page; do
		if [ -n "$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)" ]; then
			echo "$page: man --warnings complains"
			bad=1
		fi
	done < <(files 'docs/man/*')
	return "$bad"
}

# Made from a table: `make docs`.
check_verdicts() {
	build/release/tests/doc/verdict_doc | diff -u docs/verdicts.md - || { echo 'docs/verdicts.md is old: make docs'; return 1; }
}

export -f files check_format check_cppcheck check_shell check_man check_verdicts
export here

for check in spdx opening sizes banned words includes codes; do
	step "lint $check" /usr/bin/python3 $here/source.py $check
done
for check in prefixes globals layers pure; do
	step "lint $check" /usr/bin/python3 $here/symbols.py $check build/release
done
step 'lint counting' bash $here/counting.sh
step 'lint format' bash -c check_format
step 'lint shellcheck' bash -c check_shell
step 'lint man pages' bash -c check_man
step 'lint verdicts' bash -c check_verdicts
step 'lint cppcheck' bash -c check_cppcheck
exit 0
