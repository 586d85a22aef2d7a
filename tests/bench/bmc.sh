#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Chassis status of many BMCs: the agent's engine (bmcctl), FreeIPMI's ipmipower and ipmitool under
# xargs -P16, against bmcsim, cipher suite 17, a full session per BMC. Last line: JSON.
#
#   sudo tests/bench/bmc.sh [-r ROUNDS] [-i BMCS] [-F FANOUT] [BMCS…]
#
# BMCS: 1000 10000. Each client ROUNDS (3) times in turn, the best counts; -i: as many for ipmitool (100, it is
# that slow; 0: none); -F: ipmipower's fanout (256). What is measured and how: docs/benchmarks.md. Everything is
# in a network namespace of its own, which goes with the script.
set -eu
cd "$(dirname "$0")/../.."
missing=
for tool in ip ipmipower ipmitool xargs cc /usr/bin/python3; do
	command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -z "$missing" ] || { echo "bmc.sh: not installed:$missing (make deps)" >&2; exit 1; }
[ "$(id -u)" -eq 0 ] || { echo "bmc.sh: makes a network namespace: run it as root" >&2; exit 1; }
build=${NETBOOT_BUILD:-$PWD/build/release}
[ -n "${NETBOOT_BUILD:-}" ] || make --no-print-directory -s VARIANT=release fake-bin >&2
NETBOOT_BUILD=$build exec /usr/bin/python3 tests/bench/lib/bmc.py "$@"
