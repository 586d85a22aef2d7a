#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# DHCPv4 four-way exchanges a second for new clients: netboot-bootd, Kea (memfile, persistent) and
# dnsmasq, one after the other, each with an empty lease database per step. perfdhcp plays a relay with
# that many clients. The figure is the most exchanges a second of any step in which fewer than 1 % were
# lost or came later than a second; "limit" says whether the server or perfdhcp set it. Ends with one line of JSON. docs/benchmarks.md has method and figures.
#
#     sudo tests/bench/dhcp4.sh            needs: make, kea-dhcp4-server, kea-admin, dnsmasq, iproute2
#
# "bootd-known" is bootd with 10,000 hosts in its table, so that each packet becomes an event; about the
# strangers of "bootd" it tells at a bounded rate.
#
# SERVERS="bootd kea dnsmasq"  SECONDS_EACH=3  BOOTD=build/release/netboot-bootd  BENCH_DIR=(a disk)
set -eu

SERVERS=${SERVERS:-"bootd bootd-known kea dnsmasq"}
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

network() {
	ip netns add "$SRV"
	ip netns add "$CLI"
	ip -n "$SRV" link add srv0 type veth peer name cli0 netns "$CLI"
	ip -n "$SRV" addr add 10.98.0.1/15 dev srv0
	ip -n "$CLI" addr add 10.98.0.2/15 dev cli0
	for ns in "$SRV" "$CLI"; do ip -n "$ns" link set lo up; done
	ip -n "$SRV" link set srv0 up
	ip -n "$CLI" link set cli0 up
}

bootd_config() { # hosts as JSON
	mkdir -p "$DIR/state" "$DIR/files" "$DIR/loaders"
	chmod 755 "$DIR"
	cat >"$DIR/bootd.yaml" <<-END
	interfaces: [srv0]
	user: nobody
	dirs: {images: $DIR/files, loaders: $DIR/loaders, scripts: $DIR/files, state: $DIR/state}
	services: {dhcp4: true, dhcp6: false, ra: false, tftp: false, http: false}
	events: {stdout: true}
	site: {name: bench, timezone: UTC, unknown: lease}
	subnets: [{prefix: 10.98.0.0/15, gateway: 10.98.0.1, pool: [10.98.1.0, 10.99.255.254], lease: 2h}]
	hosts: $1
	END
}

# The MAC addresses that perfdhcp counts up from its base.
known_hosts() {
	awk 'BEGIN { printf "["; for (i = 0; i < 10000; i++) { n = 203 * 65536 + 4 * 256 + i
		printf "%s{name: h%d, macs: [\"00:0c:01:%02x:%02x:%02x\"]}", i ? ", " : "", i,
		int(n / 65536) % 256, int(n / 256) % 256, n % 256 } print "]" }'
}

kea_config() {
	cat >"$DIR/kea.json" <<-END
	{"Dhcp4": {"interfaces-config": {"interfaces": ["srv0/10.98.0.1"], "dhcp-socket-type": "udp"},
	 "lease-database": {"type": "memfile", "persist": true, "name": "$DIR/kea.csv", "lfc-interval": 0},
	 "valid-lifetime": 7200, "multi-threading": {"enable-multi-threading": false},
	 "subnet4": [{"id": 1, "subnet": "10.98.0.0/15", "pools": [{"pool": "10.98.1.0 - 10.99.255.254"}],
	  "option-data": [{"name": "routers", "data": "10.98.0.1"}]}],
	 "loggers": [{"name": "kea-dhcp4", "severity": "ERROR", "output_options": [{"output": "stderr"}]}]}}
	END
}

in_server() { exec ip netns exec "$SRV" taskset -c 0 "$@"; }

start() {
	rm -rf "$DIR/state" "$DIR"/kea.csv* "$DIR/dnsmasq.leases"
	case $1 in
	bootd) bootd_config "[]"; in_server "$DIR/bootd" -c "$DIR/bootd.yaml" ;;
	bootd-known) bootd_config "$HOSTS"; in_server "$DIR/bootd" -c "$DIR/bootd.yaml" ;;
	kea) kea_config; mkdir -p /run/kea; KEA_LOCKFILE_DIR=$DIR KEA_PIDFILE_DIR=$DIR in_server \
		kea-dhcp4 -c "$DIR/kea.json" ;;
	dnsmasq) in_server dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=srv0 \
		--user=root --dhcp-authoritative --dhcp-range=10.98.1.0,10.99.255.254,255.254.0.0,2h \
		--dhcp-leasefile="$DIR/dnsmasq.leases" --dhcp-lease-max=200000 --no-ping --quiet-dhcp ;;
	esac >"$DIR/out" 2>"$DIR/err"
}

up() { # the port is bound
	for _ in $(seq 200); do
		ip netns exec "$SRV" ss -lunH 2>/dev/null | grep -q ':67 ' && return 0
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
	# A first exchange fills the neighbour tables.
	ip netns exec "$CLI" perfdhcp -4 -l 10.98.0.2 -n 1 -b mac=02:00:00:00:00:01 10.98.0.1 \
		>/dev/null 2>&1 || :
	before=$(cpu_ns)
	LD_PRELOAD=$DIR/big_rcvbuf.so ip netns exec "$CLI" taskset -c 1 perfdhcp -4 -l 10.98.0.2 -r "$2" -R 10000000 \
		-b mac=00:0c:01:cb:03:ff -p "$3" -g single -W 1 10.98.0.1 \
		>"$DIR/perf" 2>&1 || :
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
	awk '{ printf "{\"per_s\": %d, \"cpu_us\": %s, \"limit\": \"%s\"}", $1, $2, $3 }' "$DIR/best"
}

network
install -m 755 "$BOOTD" "$DIR/bootd"
cc -D_GNU_SOURCE -O2 -shared -fPIC -o "$DIR/big_rcvbuf.so" "$(dirname "$0")/big_rcvbuf.c"
HOSTS=$(known_hosts)
json=
for s in $SERVERS; do
	case $s in
	dnsmasq) first=100 ;;
	bootd-known) first=800 ;;
	*) first=4000 ;;
	esac
	json="$json\"$s\": $(search "$s" "$first"), "
done
echo "{\"bench\": \"dhcp4\", \"unit\": \"exchanges of new clients\", ${json%, }}"
