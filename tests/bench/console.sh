#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Consoles of machines at a job, recorded by one agent: N (200) simulated BMCs whose machines print a kilobyte a second for SECONDS
# (30). CPU and memory are those of netboot-agent alone; the last line is JSON. Needs root.
set -eu
cd "$(dirname "$0")/../.."
build=${NETBOOT_BUILD:-$PWD/build/release}
NETBOOT_BUILD=$build exec /usr/bin/python3 tests/bench/lib/console.py "${1:-200}" "${SECONDS_LONG:-30}"
