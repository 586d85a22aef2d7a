#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# DHCPv6 four-way exchanges a second for new clients: netboot-bootd and Kea (memfile, persistent), one after
# the other, each with an empty lease database per step. perfdhcp is that many clients on the servers' link, which
# differ in the MAC address of their DUID-LLT, and all send from one link-local address. The figure is the most
# exchanges a second of any step in which fewer than 1 % were lost or came later than a second; "limit" says whether
# the server or perfdhcp set it. Ends with one line of JSON. docs/benchmarks.md has method and figures.
#
#     sudo tests/bench/dhcp6.sh            needs: make, kea-dhcp6-server, kea-admin, iproute2
#
# "bootd-known" is bootd with 10,000 hosts in its table, so that each packet becomes an event; about the
# strangers of "bootd" it tells at a bounded rate. "kea-logging" is Kea with the log that an agent needs of it.
#
# SERVERS="bootd kea bootd-known kea-logging"  SECONDS_EACH=3  BOOTD=build/release/netboot-bootd  BENCH_DIR=(a disk)
set -eu
. "$(dirname "$0")/lib/dhcp.sh"

network() {
	namespaces
	ip -n "$SRV" addr add fd98::1/64 dev srv0 nodad
	links_up
	for ns in "$SRV" "$CLI"; do wait_link_local "$ns"; done
}

# Nothing can be sent from an address that is still being checked.
wait_link_local() {
	for _ in $(seq 200); do
		ip -n "$1" -6 addr show scope link | grep inet6 | grep -qv tentative && return 0
		ping -c 1 -W 0.05 127.0.0.1 >/dev/null 2>&1 || :
	done
	echo "$1 has no link-local address" >&2
	return 1
}

port() { echo 547; }

bootd_config() { # hosts as JSON
	mkdir -p "$DIR/state" "$DIR/files" "$DIR/loaders"
	chmod 755 "$DIR"
	cat >"$DIR/bootd.yaml" <<-END
	interfaces: [srv0]
	user: nobody
	dirs: {images: $DIR/files, loaders: $DIR/loaders, scripts: $DIR/files, state: $DIR/state}
	services: {dhcp4: false, dhcp6: true, ra: false, tftp: false, http: false}
	events: {stdout: true}
	site: {name: bench, timezone: UTC, unknown: lease}
	subnets: [{prefix: "fd98::/64", pool: ["fd98::1:0", "fd98::ffff:ffff"], dns: ["fd98::1"], lease: 2h}]
	hosts: $1
	END
}

kea_config() { # loggers as JSON
	cat >"$DIR/kea.json" <<-END
	{"Dhcp6": {"interfaces-config": {"interfaces": ["srv0"]}, "data-directory": "$DIR",
	 "lease-database": {"type": "memfile", "persist": true, "name": "$DIR/kea.csv", "lfc-interval": 0},
	 "valid-lifetime": 7200, "preferred-lifetime": 7200, "multi-threading": {"enable-multi-threading": false},
	 "subnet6": [{"id": 1, "subnet": "fd98::/64", "interface": "srv0",
	  "pools": [{"pool": "fd98::1:0 - fd98::ffff:ffff"}],
	  "option-data": [{"name": "dns-servers", "data": "fd98::1"}]}],
	 "loggers": [$1]}}
	END
}

QUIET='{"name": "kea-dhcp6", "severity": "ERROR", "output_options": [{"output": "stderr"}]}'
# As `netboot-ctl site config --for kea6` has it, by which the agent confirms what a machine does.
LOGGING='{"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "stdout"}]},
 {"name": "kea-dhcp6.dhcp6", "severity": "DEBUG", "debuglevel": 40, "output_options": [{"output": "stdout"}]}'

export KEA_LOCKFILE_DIR=$DIR KEA_PIDFILE_DIR=$DIR

start() {
	rm -rf "$DIR/state" "$DIR"/kea.csv*
	case $1 in
	bootd) bootd_config "[]"; in_server "$DIR/bootd" -c "$DIR/bootd.yaml" ;;
	bootd-known) bootd_config "$(known_hosts)"; in_server "$DIR/bootd" -c "$DIR/bootd.yaml" ;;
	kea) kea_config "$QUIET"; in_server kea-dhcp6 -c "$DIR/kea.json" ;;
	kea-logging) kea_config "$LOGGING"; in_server kea-dhcp6 -c "$DIR/kea.json" ;;
	esac >"$DIR/out" 2>"$DIR/err"
}

first() {
	case $1 in
	bootd-known | kea-logging) echo 800 ;;
	*) echo 2000 ;;
	esac
}

warm_up() { ip netns exec "$CLI" perfdhcp -6 -l cli0 -n 1 -b mac=02:00:00:00:00:01 all; }

load() { # rate, seconds
	LD_PRELOAD=$DIR/big_rcvbuf.so ip netns exec "$CLI" taskset -c 1 perfdhcp -6 -l cli0 -r "$1" -R 10000000 \
		-b mac=00:0c:01:cb:03:ff -p "$2" -g single -W 1000000 all
}

network
bench dhcp6 "${SERVERS:-bootd kea bootd-known kea-logging}"
