#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# `netboot-ctl power status all` from end to end: ctl, orchestrator, agent and 1000, then 10000 simulated BMCs
# (BMCS…), ROUNDS (3) times each. CPU and memory of each process; the last line is JSON. Needs root.
#
#   sudo tests/bench/fleet.sh [BMCS…]
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" -eq 0 ] || { echo "fleet.sh: makes a network namespace: run it as root" >&2; exit 1; }
build=${NETBOOT_BUILD:-$PWD/build/release}
[ -n "${NETBOOT_BUILD:-}" ] || make --no-print-directory -s VARIANT=release all fake-bin >&2
NETBOOT_BUILD=$build exec /usr/bin/python3 tests/bench/lib/fleet.py "$@"
