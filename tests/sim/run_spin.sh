#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks tests/sim/ticket.pml with spin: every state of the true model is safe, and each mutant is
# found to be unsafe (else the check itself would prove nothing).
#   tests/sim/run_spin.sh [CRASHES]
set -eu
model=$(dirname "$(realpath "$0")")/ticket.pml
crashes=${1:-2}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# verify NAME DEFINES…: runs the exhaustive search and leaves its report in NAME.out
verify() {
	name=$1
	shift
	spin -a -DCRASHES="$crashes" "$@" "$model" >"$name.spin" 2>&1 || { cat "$name.spin"; exit 1; }
	cc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=1500 -DVECTORSZ=2048 -o pan pan.c
	./pan -m2000000 >"$name.out" 2>&1 || true
}

errors() {
	sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$1.out"
}

verify model
if [ "$(errors model)" != 0 ] || grep -q "max search depth too small\|out of memory\|not completed" model.out; then
	cat model.out
	echo "ticket.pml: the model is not safe, or was not searched to the end" >&2
	exit 1
fi
echo "ticket.pml: safe; $(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' model.out) states, $crashes crashes"
for mutant in NO_HOLD EARLY_OK NO_REISSUE OLD_TABLE NO_DROP FORGET ALL_HELD; do
	verify "$mutant" "-DMUTANT_$mutant"
	if [ "$(errors "$mutant")" != 1 ] || ! grep -q "assertion violated" "$mutant.out"; then
		cat "$mutant.out"
		echo "ticket.pml: mutant $mutant was not found to be unsafe" >&2
		exit 1
	fi
	echo "ticket.pml: mutant $mutant: unsafe, as it must be"
done
