#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs tests and counts them. Each step adds "PASSED FAILED NAME" lines to build/test-logs/counts;
# the output of every test program is kept beside it and shown when something in it failed.
#
#   tests/run.sh begin               empties the logs
#   tests/run.sh part NAME CMD...    runs CMD, which is to count something; a failure if it does not, or fails
#   tests/run.sh cmocka unit BIN...  each binary's cmocka tests (unit and sim), two at a time
#   tests/run.sh fuzz BIN...         each fuzzer over tests/fuzz/corpus/NAME
#   tests/run.sh pytest net|web|lab  the pytest files of tests/net, tests/web or tests/lab (needs root)
#   tests/run.sh step NAME CMD...    one command as one test
#   tests/run.sh total               prints "N passed, N failed"; fails on a failure or on nothing
set -u -o pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
logs=${TEST_LOGS:-$top/build/test-logs}
counts=$logs/counts
# A stuck test must not hold up the others for ever.
program_limit=${TEST_LIMIT:-600}
step_limit=${STEP_LIMIT:-1800}
export ASAN_OPTIONS=${ASAN_OPTIONS:-abort_on_error=0:detect_leaks=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

mkdir -p "$logs"

count() { # PASSED FAILED NAME
	echo "$1 $2 $3" >>"$counts"
	printf '  %s %s: %d passed, %d failed\n' "$([ "$2" -eq 0 ] && echo ok || echo FAIL)" "$3" "$1" "$2"
}

# One cmocka binary. Its tests are counted from its TAP lines; an exit status that does not fit them
# (a crash, a leak found at the end, a time-out), or fewer tests than were announced, is one failure more.
run_cmocka() { # BIN
	local bin=$1 name log passed failed planned status
	name=${bin#build/*/tests/}
	log=$logs/$(echo "$name" | tr / -).log
	CMOCKA_MESSAGE_OUTPUT=TAP timeout "$program_limit" "$bin" >"$log" 2>&1
	status=$?
	passed=$(grep '^ok ' "$log" | grep -vic '# skip')
	failed=$(grep -ciE '^not ok |^ok .*# skip' "$log")
	planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$log" | awk '{n += $1} END {print n + 0}')
	if [ $((passed + failed)) -ne "$planned" ] || [ "$planned" -eq 0 ] ||
		{ [ "$failed" -eq 0 ] && [ "$status" -ne 0 ]; }; then
		echo "$name: exit status $status; of $planned tests $passed passed and $failed failed" >>"$log"
		failed=$((failed + 1))
	fi
	(
		flock 9 # two run at a time; their words must not mix
		count "$passed" "$failed" "$name"
		[ "$failed" -eq 0 ] || sed 's/^/    | /' "$log"
	) 9>"$logs/lock"
}

run_fuzz() { # BIN
	local bin=$1 name corpus log
	name=$(basename "$bin" _fuzz)
	corpus=tests/fuzz/corpus/$name
	log=$logs/fuzz-$name.log
	if timeout "$program_limit" "$bin" "$corpus" >"$log" 2>&1; then
		count 1 0 "fuzz/$name ($(tail -n 1 "$log"))"
	else
		count 0 1 "fuzz/$name"
		tail -n 60 "$log" | sed 's/^/    | /'
	fi
}

# A corpus whose fuzzer was renamed would be replayed by nobody.
check_corpora() { # BIN...
	local corpus
	for corpus in tests/fuzz/corpus/*; do
		case " $* " in
		*"/$(basename "$corpus")_fuzz "*) ;;
		*) count 0 1 "fuzz/$(basename "$corpus") (a corpus without a fuzzer)" ;;
		esac
	done
}

# Tests that are skipped count as failed: a test that does not run shows nothing.
run_pytest() { # net|web|lab
	local part=$1 xml=$logs/$1.xml log=$logs/$1.log as_root=() args=() status
	if [ "$(id -u)" -ne 0 ]; then
		if ! sudo -n true 2>/dev/null; then
			echo "tests/$part make network namespaces: run make check as root" >&2
			count 0 1 "$part (not root)"
			return
		fi
		as_root=(sudo -n -E)
	fi
	read -r -a args <<<"${PYTEST_ARGS:-}"
	# Each test has a namespace and a folder of its own, and waits more than it works; virtual machines work more, and those
	# tests of theirs that share them are marked: one process runs them.
	case $part in
	net) args=(-n "${PYTEST_JOBS:-6}" "${args[@]}") ;;
	lab) args=(-n "${PYTEST_JOBS:-2}" --dist loadgroup "${args[@]}") ;;
	*) args=(-n "${PYTEST_JOBS:-2}" "${args[@]}") ;;
	esac
	rm -f "$xml"
	PYTHONDONTWRITEBYTECODE=1 "${as_root[@]}" timeout -k 120 "${PYTEST_LIMIT:-5400}" /usr/bin/pytest-3 \
		-p no:cacheprovider -ra --durations=5 -o junit_family=xunit1 --junitxml="$xml" "${args[@]}" "tests/$part" 2>&1 | tee "$log"
	status=$?
	if ! /usr/bin/python3 tests/junit_counts.py "$part" "$xml" "$status" >"$logs/$part.counts"; then
		count 0 1 "$part (exit status $status, no report)"
		return
	fi
	while read -r passed failed name; do
		count "$passed" "$failed" "$name"
	done <"$logs/$part.counts"
}

# A part of `make check`: nothing counted means that it did not run.
run_part() { # NAME CMD...
	local name=$1 before status
	shift
	before=$(wc -l 2>/dev/null <"$counts")
	"$@"
	status=$?
	if [ "$status" -ne 0 ] || [ "$(wc -l 2>/dev/null <"$counts")" = "$before" ]; then
		count 0 1 "$name (exit status $status: not run to its end)"
	fi
}

run_step() { # NAME CMD...
	local name=$1 log
	shift
	log=$logs/$(echo "$name" | tr ' /' '--').log
	if timeout "$step_limit" "$@" >"$log" 2>&1; then
		count 1 0 "$name"
		return 0
	fi
	count 0 1 "$name"
	tail -n 100 "$log" | sed 's/^/    | /'
	return 1
}

total() {
	local passed=0 failed=0 p f name bad=()
	[ -e "$counts" ] || : >"$counts"
	while read -r p f name; do
		passed=$((passed + p))
		failed=$((failed + f))
		[ "$f" -eq 0 ] || bad+=("$name")
	done <"$counts"
	[ ${#bad[@]} -eq 0 ] || printf 'failed: %s\n' "${bad[@]}"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

verb=${1:-}
[ $# -eq 0 ] || shift
case $verb in
begin) rm -f "$logs"/*.log "$logs"/*.xml "$logs"/*.counts "$counts" ;;
cmocka)
	kind=$1
	shift
	if [ $# -eq 0 ]; then
		count 0 1 "$kind (no tests)"
	else
		printf '%s\0' "$@" | xargs -0 -n 1 -P 2 "$0" cmocka-one
	fi
	;;
cmocka-one) run_cmocka "$1" ;;
fuzz)
	check_corpora "$@"
	for bin in "$@"; do
		run_fuzz "$bin"
	done
	;;
pytest) run_pytest "$1" ;;
part) run_part "$@" ;;
step) run_step "$@" ;;
total) total ;;
*)
	sed -n '/^#   tests/p' "$0" >&2
	exit 1
	;;
esac
