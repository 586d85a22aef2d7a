#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The audit with ROWS (1,000,000) rows: how long `audit verify` and `audit export` take, what requests of others wait
# meanwhile, and what a page costs by each filter. The last line is JSON. Needs no root.
#
#   tests/bench/audit.sh [ROWS]
set -eu
cd "$(dirname "$0")/../.."
build=${NETBOOT_BUILD:-$PWD/build/release}
[ -n "${NETBOOT_BUILD:-}" ] || make --no-print-directory -s VARIANT=release all >&2
NETBOOT_BUILD=$build PYTHONPATH=tests/net exec /usr/bin/python3 tests/bench/lib/audit.py "$@"
