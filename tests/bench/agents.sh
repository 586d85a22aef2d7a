#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# One orchestrator with SITES (1000) agents of HOSTS (100) hosts each, all in one other process: what it costs while nothing happens, how
# long a restart lasts for all of them, and how late events come at RATE (1000) a second. Some minutes; the last line is JSON.
#
# By the unix socket, or, with "tls", as remote agents, which join first and speak mutual TLS.
#
#   tests/bench/agents.sh [SITES [HOSTS [RATE [unix|tls]]]]
set -eu
cd "$(dirname "$0")/../.."
build=${NETBOOT_BUILD:-$PWD/build/release}
[ -n "${NETBOOT_BUILD:-}" ] || make --no-print-directory -s VARIANT=release all fake-bin >&2
dir=$(mktemp -d "${TMPDIR:-/tmp}/nb$$-agents.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
ulimit -n "$(ulimit -Hn)"
NETBOOT_BUILD=$build /usr/bin/python3 tests/bench/lib/agents.py "$dir" "${1:-1000}" "${2:-100}" "${3:-1000}" "${4:-unix}"
