#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A year of history: HOSTS (10000) hosts and EVENTS (1000000) events, written as agents' reports are, and then how long the orchestrator
# takes to answer what people look at. ROUNDS (20) times each; the last line is JSON. Needs some 2 GB in TMPDIR.
#
#   tests/bench/history.sh [HOSTS [EVENTS]]
set -eu
cd "$(dirname "$0")/../.."
build=${NETBOOT_BUILD:-$PWD/build/release}
[ -n "${NETBOOT_BUILD:-}" ] || make --no-print-directory -s VARIANT=release all >&2
dir=$(mktemp -d "${TMPDIR:-/tmp}/nb$$-history.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
# shellcheck disable=SC2046 # lists of options
cc -O2 -std=gnu11 -D_GNU_SOURCE -I. -I"$build" $(pkg-config --cflags jansson) -o "$dir/fill" tests/bench/history_fill.c \
	"$build/orchestrator.a" "$build/db.a" "$build/lib.a" $(pkg-config --libs libevent_core libevent_extra libevent_openssl libevent_pthreads \
	jansson libcyaml yaml-0.1 libsodium libcrypto libssl libcurl sqlite3 libsystemd) -lpthread
"$dir/fill" "$dir/o.db" "${1:-10000}" "${2:-1000000}" >"$dir/filled.json"
NETBOOT_BUILD=$build /usr/bin/python3 tests/bench/lib/history.py "$dir"
