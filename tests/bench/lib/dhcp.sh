#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What dhcp4.sh and dhcp6.sh share: two namespaces, servers one after the other, and the search for the rate that a
# server keeps up with. Sourced by them; each has
#
#     port                 UDP port of the servers
#     start SERVER         becomes the server, with an empty lease database
#     warm_up              one exchange, which fills the neighbour tables
#     load RATE SECONDS    perfdhcp with clients never seen before; its report
#     first SERVER         the rate to begin with
set -eu

SECONDS_EACH=${SECONDS_EACH:-3}
BOOTD=${BOOTD:-build/release/netboot-bootd}
DIR=$(mktemp -d "${BENCH_DIR:-/var/tmp}/netboot-bench.XXXXXX")
SRV=nb$$-srv
CLI=nb$$-cli
PID=

cleanup() {
	[ -z "$PID" ] || kill -9 "$PID" 2>/dev/null || :
	ip netns del "$SRV" 2>/dev/null || :
	ip netns del "$CLI" 2>/dev/null || :
	rm -rf "$DIR"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

namespaces() { # joined by a veth pair, still without addresses
	ip netns add "$SRV"
	ip netns add "$CLI"
	for ns in "$SRV" "$CLI"; do
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.default.dad_transmits=0
		ip -n "$ns" link set lo up
	done
	ip -n "$SRV" link add srv0 type veth peer name cli0 netns "$CLI"
}

links_up() {
	ip -n "$SRV" link set srv0 up
	ip -n "$CLI" link set cli0 up
}

# The MAC addresses that perfdhcp counts up from its base.
known_hosts() {
	awk 'BEGIN { printf "["; for (i = 0; i < 10000; i++) { n = 203 * 65536 + 4 * 256 + i
		printf "%s{name: h%d, macs: [\"00:0c:01:%02x:%02x:%02x\"]}", i ? ", " : "", i,
		int(n / 65536) % 256, int(n / 256) % 256, n % 256 } print "]" }'
}

in_server() { exec ip netns exec "$SRV" taskset -c 0 "$@"; }

up() { # the port is bound
	for _ in $(seq 200); do
		ip netns exec "$SRV" ss -lunH 2>/dev/null | grep -q ":$(port) " && return 0
		kill -0 "$PID" 2>/dev/null || break
		ping -c 1 -W 0.05 127.0.0.1 >/dev/null 2>&1 || :
	done
	echo "$1 did not start:" >&2
	cat "$DIR/err" >&2
	return 1
}

# Nanoseconds on a processor, all threads.
cpu_ns() { cat /proc/"$PID"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'; }

# One run at a rate: prints exchanges begun, exchanges done, and the server's CPU microseconds for each.
run() {
	start "$1" &
	PID=$!
	up "$1"
	warm_up >/dev/null 2>&1 || :
	before=$(cpu_ns)
	load "$2" "$3" >"$DIR/perf" 2>&1 || :
	cpu=$(($(cpu_ns) - before))
	kill -TERM "$PID" 2>/dev/null || :
	wait "$PID" 2>/dev/null || :
	PID=
	awk -v cpu="$cpu" '/^sent packets/ { if (!n++) sent = $3 } /^received packets/ { got = $3 }
		END { printf "%d %d %.1f\n", sent, got, got ? cpu / 1000 / got : 0 }' "$DIR/perf"
}

# Is the rate reached without loss? Keeps the best of such steps: "exchanges/s CPU".
good() { # server rate
	seconds=$SECONDS_EACH
	[ "$1" != bootd-known ] || seconds=1 # its hosts must not run out
	run "$1" "$2" "$seconds" | awk -v s="$1" -v r="$2" -v t="$seconds" -v was="$(cat "$DIR/best")" \
		-v best="$DIR/best" '{
		lost = $1 ? 100 * (1 - $2 / $1) : 100
		printf("%-12s target %6d/s  sent %6.0f/s  done %6.0f/s  lost %5.2f %%  CPU %5.1f us each\n", s, r,
			$1 / t, $2 / t, lost, $3) > "/dev/stderr"
		split(was, w, " ")
		kept_up = ($1 > 0.95 * r * t)
		if (lost < 1 && $2 / t > w[1])
			printf("%d %.1f %s\n", $2 / t, $3, kept_up ? "server" : "perfdhcp") > best
		exit !(lost < 1 && kept_up) }'
}

# Doubles the rate while it is good, then halves the gap three times.
search() {
	low=0 high=$2
	: >"$DIR/best"
	while good "$1" "$high"; do
		low=$high
		high=$((high * 2))
	done
	for _ in 1 2 3; do
		mid=$(((low + high) / 2))
		if good "$1" "$mid"; then low=$mid; else high=$mid; fi
	done
	# No step was good: no figure.
	awk '{ printf "{\"per_s\": %d, \"cpu_us\": %s, \"limit\": \"%s\"}", $1, $2, $3 }
		END { if (!NR) printf "null" }' "$DIR/best"
}

bench() { # name, servers
	install -m 755 "$BOOTD" "$DIR/bootd"
	cc -D_GNU_SOURCE -O2 -shared -fPIC -o "$DIR/big_rcvbuf.so" "$(dirname "$0")/big_rcvbuf.c"
	json=
	for s in $2; do
		json="$json\"$s\": $(search "$s" "$(first "$s")"), "
	done
	echo "{\"bench\": \"$1\", \"unit\": \"exchanges of new clients\", ${json%, }}"
}
