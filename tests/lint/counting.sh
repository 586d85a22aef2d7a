#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# tests/run.sh and tests/junit_counts.py count as they should: whatever crashes, stops early, is skipped or does
# not run at all is a failure. Everything here is a stand-in in a folder of its own.
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export TEST_LOGS=$dir/logs
bad=0
ulimit -c 0

# expect "N passed, N failed" EXIT-STATUS WHAT
expect() {
	local said status
	said=$(tests/run.sh total | tail -n 1)
	tests/run.sh total >/dev/null
	status=$?
	if [ "$said" != "$1" ] || [ "$status" -ne "$2" ]; then
		echo "$3: \"$said\", exit $status; not \"$1\", exit $2"
		bad=1
	fi
	tests/run.sh begin
}

# program NAME TEXT: a test program that says TEXT, and what follows as shell
program() {
	printf '#!/bin/sh\ncat <<T\n%s\nT\n%s\n' "$2" "${3:-}" >"$dir/$1"
	chmod 755 "$dir/$1"
}

cmocka() { # TEXT SHELL
	program a_test "$1" "${2:-}"
	tests/run.sh cmocka unit "$dir/a_test" >/dev/null
}

tests/run.sh begin
expect '0 passed, 0 failed' 1 'nothing counted'

cmocka $'1..2\nok 1 - a\nok 2 - b'
expect '2 passed, 0 failed' 0 'two good tests'
cmocka $'1..2\nok 1 - a\nnot ok 2 - b' 'exit 1'
expect '1 passed, 1 failed' 1 'one bad test'
cmocka $'1..2\nok 1 - a\nok 2 - b # SKIP' ''
expect '1 passed, 1 failed' 1 'one skipped test'
cmocka $'1..3\nok 1 - a' 'exit 0'
expect '1 passed, 1 failed' 1 'an end in the middle, with status 0'
cmocka $'1..3\nok 1 - a' 'kill -SEGV $$'
expect '1 passed, 1 failed' 1 'a crash in the middle'
cmocka $'1..1\nok 1 - a' 'exit 1'
expect '1 passed, 1 failed' 1 'a leak found at the end'
cmocka 'hello' ''
expect '0 passed, 1 failed' 1 'a program without tests'
tests/run.sh cmocka unit "$dir/absent_test" >/dev/null
expect '0 passed, 1 failed' 1 'a program that was not built'
tests/run.sh cmocka unit >/dev/null
expect '0 passed, 1 failed' 1 'no programs'
program a_test $'1..1\nok 1 - a' 'while :; do :; done'
TEST_LIMIT=1 tests/run.sh cmocka unit "$dir/a_test" >/dev/null
expect '1 passed, 1 failed' 1 'a program without end'

STEP_LIMIT=1 tests/run.sh step x sh -c 'while :; do :; done' >/dev/null
expect '0 passed, 1 failed' 1 'a step without end'
tests/run.sh part x true >/dev/null
expect '0 passed, 1 failed' 1 'a part that counts nothing'
tests/run.sh part x tests/run.sh step y true >/dev/null
expect '1 passed, 0 failed' 0 'a good part'
tests/run.sh part x sh -c 'tests/run.sh step y true; exit 2' >/dev/null
expect '1 passed, 1 failed' 1 'a part that breaks off'

corpora=$(find tests/fuzz/corpus -mindepth 1 -maxdepth 1 -type d | wc -l)
tests/run.sh fuzz >/dev/null
expect "0 passed, $corpora failed" 1 'corpora without a fuzzer'

# junit STATUS CASES: what is counted of a report
junit() {
	printf '<testsuites><testsuite>%s</testsuite></testsuites>' "$2" >"$dir/report.xml"
	/usr/bin/python3 tests/junit_counts.py net "$dir/report.xml" "$1" >>"$TEST_LOGS/counts"
}
good='<testcase classname="tests.net.test_x" name="a"/>'
tests/run.sh begin
junit 0 "$good"
expect '1 passed, 0 failed' 0 'a good test of pytest'
junit 1 "$good<testcase classname=\"tests.net.test_x\" name=\"b\"><failure/></testcase>"
expect '1 passed, 1 failed' 1 'a bad one'
junit 0 "$good<testcase classname=\"tests.net.test_x\" name=\"b\"><skipped/></testcase>"
expect '1 passed, 1 failed' 1 'a skipped one'
junit 2 '<testcase classname="" name="tests.net.test_x"><error/></testcase>'
expect '0 passed, 2 failed' 1 'a file that pytest cannot read, for which the others have not run'
junit 2 "$good"
expect '1 passed, 1 failed' 1 'pytest ended from outside'
junit 5 ''
expect '0 passed, 1 failed' 1 'no tests at all'
if junit 1 '<' 2>/dev/null; then
	echo 'a broken report is taken'
	bad=1
fi
exit "$bad"
