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
. "$(dirname "$0")/lib/dhcp.sh"

network() {
	namespaces
	ip -n "$SRV" addr add 10.98.0.1/15 dev srv0
	ip -n "$CLI" addr add 10.98.0.2/15 dev cli0
	links_up
}

port() { echo 67; }

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

start() {
	rm -rf "$DIR/state" "$DIR"/kea.csv* "$DIR/dnsmasq.leases"
	case $1 in
	bootd) bootd_config "[]"; in_server "$DIR/bootd" -c "$DIR/bootd.yaml" ;;
	bootd-known) bootd_config "$(known_hosts)"; in_server "$DIR/bootd" -c "$DIR/bootd.yaml" ;;
	kea) kea_config; mkdir -p /run/kea; KEA_LOCKFILE_DIR=$DIR KEA_PIDFILE_DIR=$DIR in_server \
		kea-dhcp4 -c "$DIR/kea.json" ;;
	dnsmasq) in_server dnsmasq --no-daemon --conf-file=/dev/null --port=0 --interface=srv0 \
		--user=root --dhcp-authoritative --dhcp-range=10.98.1.0,10.99.255.254,255.254.0.0,2h \
		--dhcp-leasefile="$DIR/dnsmasq.leases" --dhcp-lease-max=200000 --no-ping --quiet-dhcp ;;
	esac >"$DIR/out" 2>"$DIR/err"
}

first() {
	case $1 in
	dnsmasq) echo 100 ;;
	bootd-known) echo 800 ;;
	*) echo 4000 ;;
	esac
}

warm_up() { ip netns exec "$CLI" perfdhcp -4 -l 10.98.0.2 -n 1 -b mac=02:00:00:00:00:01 10.98.0.1; }

load() { # rate, seconds
	LD_PRELOAD=$DIR/big_rcvbuf.so ip netns exec "$CLI" taskset -c 1 perfdhcp -4 -l 10.98.0.2 -r "$1" -R 10000000 \
		-b mac=00:0c:01:cb:03:ff -p "$2" -g single -W 1 10.98.0.1
}

network
bench dhcp4 "${SERVERS:-bootd bootd-known kea dnsmasq}"
