#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The scheduler with HOSTS (100000) hosts in 1000 sites of all kinds of zones and SCHEDULES (5000) schedules: how long the search for what
# is due takes, a tick with nothing due, one that begins a run, and the first ones after a start, when every schedule is looked at; and
# what it takes of memory. The last line is JSON. Needs some 200 MB in TMPDIR.
#
#   tests/bench/scheduler.sh [HOSTS [SCHEDULES]]
set -eu
cd "$(dirname "$0")/../.."
build=${NETBOOT_BUILD:-$PWD/build/release}
[ -n "${NETBOOT_BUILD:-}" ] || make --no-print-directory -s VARIANT=release all >&2
dir=$(mktemp -d "${TMPDIR:-/tmp}/nb$$-scheduler.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
# shellcheck disable=SC2046 # lists of options
cc -O2 -std=gnu11 -D_GNU_SOURCE -I. -I"$build" $(pkg-config --cflags jansson) -o "$dir/scheduler" tests/bench/scheduler.c \
	"$build/orchestrator.a" "$build/db.a" "$build/lib.a" $(pkg-config --libs libevent_core libevent_extra libevent_openssl libevent_pthreads \
	jansson libcyaml yaml-0.1 libsodium libcrypto libssl libcurl sqlite3 libsystemd libical libzstd zlib) -lpthread
"$dir/scheduler" "$dir/o.db" "${1:-100000}" "${2:-5000}"
