#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# TFTP throughput and CPU cost: netboot-bootd against tftpd-hpa and dnsmasq, side by side in one
# network namespace pair. Run as root after `make`:
#
#	tests/bench/tftp.sh [MEGABYTES]		(64 per case)
#
# The client (tests/bench/tftp_get.c, compiled here) runs on CPU 1, the servers on CPU 0. Files of
# 1 MiB, as loaders are, with 1 and 32 transfers at once, blocks of 512 and 1428 octets, and windows
# of 4 (EDK2's wish) and 16 where the server takes them up. CPU seconds per GiB are user and system
# time of the server's process; tftpd-hpa has one per transfer and does not count them, so it has
# none. The last line is one JSON object.
set -eu

megabytes=${1:-64}
root=$(cd "$(dirname "$0")/../.." && pwd)
bootd=${NETBOOT_BUILD:-$root/build/release}/netboot-bootd
dir=$(mktemp -d /tmp/nbbench.XXXXXX)
srv=nbb$$s cli=nbb$$c
pids=''

finish() {
	for p in $pids; do kill "$p" 2>/dev/null || true; done
	ip netns del "$srv" 2>/dev/null || true
	ip netns del "$cli" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

ip netns add "$srv"
ip netns add "$cli"
ip -n "$srv" link set lo up
ip -n "$srv" link add eth0 type veth peer name eth0 netns "$cli"
for i in 1 2 3; do ip -n "$srv" addr add 10.78.0.$i/24 dev eth0; done
ip -n "$cli" addr add 10.78.0.9/24 dev eth0
ip -n "$srv" link set eth0 up
ip -n "$cli" link set eth0 up

cc -O2 -o "$dir/tftp_get" "$root/tests/bench/tftp_get.c"
chmod 755 "$dir"
mkdir "$dir/loaders" "$dir/images" "$dir/scripts" "$dir/state"
head -c 1048576 /dev/urandom >"$dir/loaders/1m"
chmod 644 "$dir/loaders/1m"
cat >"$dir/bootd.yaml" <<CONF
interfaces: [eth0]
user: nobody
dirs: {images: $dir/images, loaders: $dir/loaders, scripts: $dir/scripts, state: $dir/state}
events: {stdout: true}
services: {dhcp4: false, dhcp6: false, ra: false, http: false}
ports: {tftp: 2069}
limits: {tftp_per_client: 1000, tftp_transfers: 1000}
site: {name: bench, timezone: UTC}
CONF

start() { ip netns exec "$srv" taskset -c 0 "$@" >/dev/null 2>>"$dir/err" & pids="$pids $!"; }
start "$bootd" -c "$dir/bootd.yaml"
bootd_pid=${pids##* }
start in.tftpd -L -a 10.78.0.2:1069 -s "$dir/loaders"
hpa_pid=${pids##* }
start dnsmasq -k -C /dev/null --port=0 --enable-tftp --tftp-root="$dir/loaders" --tftp-max=1000 \
	--listen-address=10.78.0.3 --bind-interfaces --tftp-port-range=20000,40000 --pid-file= \
	--user=root --log-facility="$dir/dnsmasq.log"
dnsmasq_pid=${pids##* }

get() { # server, blksize, window, parallel, count
	case $1 in
	bootd) at=10.78.0.1 port=2069 ;;
	tftpd-hpa) at=10.78.0.2 port=1069 ;;
	dnsmasq) at=10.78.0.3 port=69 ;;
	esac
	ip netns exec "$cli" taskset -c 1 "$dir/tftp_get" "$at" "$port" 1m "$2" "$3" "$4" "$5"
}
for s in bootd tftpd-hpa dnsmasq; do
	for try in $(seq 50); do
		get $s 1428 1 1 1 >/dev/null 2>&1 && break
		[ "$try" = 50 ] && { echo "$s did not come up:" >&2; cat "$dir/err" >&2; exit 1; }
		sleep 0.1
	done
done

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

json=''
for case in "512 1 1" "512 1 32" "1428 1 1" "1428 1 32" "1428 4 1" "1428 4 32" "1428 16 1" "1428 16 32"; do
	set -- $case
	blksize=$1 window=$2 parallel=$3
	for s in bootd tftpd-hpa dnsmasq bootd tftpd-hpa dnsmasq; do
		# These two answer with windows of one block: measured once above.
		[ "$window" -gt 1 ] && [ $s != bootd ] && continue
		case $s in
		bootd) pid=$bootd_pid ;;
		tftpd-hpa) pid=$hpa_pid ;;
		dnsmasq) pid=$dnsmasq_pid ;;
		esac
		before=$(ticks "$pid")
		r=$(get $s "$blksize" "$window" "$parallel" "$megabytes")
		after=$(ticks "$pid")
		set -- $r
		line=$(awk -v b="$1" -v t="$2" -v c=$((after - before)) -v hz="$(getconf CLK_TCK)" \
			'BEGIN { printf "%.1f %.3f", b / t / 1e6, c / hz / (b / 1073741824) }')
		set -- $line "$3"
		[ $s = tftpd-hpa ] && set -- "$1" null "$3"
		printf '%-9s blksize %4d window %2d parallel %2d  %6s MB/s  %6s CPU s/GiB\n' \
			$s "$blksize" "$window" "$parallel" "$1" "$2"
		json="$json{\"server\":\"$s\",\"blksize\":$blksize,\"window\":$window,\"parallel\":$parallel,\"mbps\":$1,\"cpu_s_per_gib\":$2,\"resent\":$3},"
	done
done
echo "{\"bench\":\"tftp\",\"megabytes\":$megabytes,\"cases\":[${json%,}]}"
