#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# HTTP throughput and CPU cost: netboot-bootd against nginx (sendfile on, tcp_nopush on, one worker),
# side by side in one network namespace pair. Run as root after `make`:
#
#	tests/bench/http.sh [SECONDS]		(5 per case)
#
# wrk runs with one thread on CPU 1, the server on CPU 0; files of 1 MB and 64 MB, 1 and 32
# connections, servers in turn. CPU seconds per GiB are user and system time of the server's process
# (/proc/PID/stat). The last line is one JSON object.
set -eu

seconds=${1:-5}
root=$(cd "$(dirname "$0")/../.." && pwd)
bootd=${NETBOOT_BUILD:-$root/build/release}/netboot-bootd
dir=$(mktemp -d /tmp/nbbench.XXXXXX)
srv=nbb$$s cli=nbb$$c
bootd_pid='' nginx_pid=''

finish() {
	for p in $bootd_pid $nginx_pid; do kill "$p" 2>/dev/null || true; done
	ip netns del "$srv" 2>/dev/null || true
	ip netns del "$cli" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

wait_for() { # description, command…
	what=$1
	shift
	for _ in $(seq 100); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "$what did not come up" >&2
	exit 1
}

ip netns add "$srv"
ip netns add "$cli"
ip -n "$srv" link set lo up
ip -n "$srv" link add eth0 type veth peer name eth0 netns "$cli"
ip -n "$srv" addr add 10.78.0.1/24 dev eth0
ip -n "$cli" addr add 10.78.0.2/24 dev eth0
ip -n "$srv" link set eth0 up
ip -n "$cli" link set eth0 up

chmod 755 "$dir"
mkdir "$dir/loaders" "$dir/images" "$dir/scripts" "$dir/state"
head -c 1048576 /dev/urandom >"$dir/loaders/1m"
head -c 67108864 /dev/urandom >"$dir/loaders/64m"
cat >"$dir/bootd.yaml" <<CONF
interfaces: [eth0]
user: nobody
dirs: {images: $dir/images, loaders: $dir/loaders, scripts: $dir/scripts, state: $dir/state}
events: {stdout: true}
services: {dhcp4: false, dhcp6: false, ra: false, tftp: false}
limits: {http_per_client: 256, http_connections: 512}
site: {name: bench, timezone: UTC}
CONF
cat >"$dir/nginx.conf" <<CONF
daemon off; master_process off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.err;
events { worker_connections 1024; }
http {
	access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
	client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
	uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
	server { listen 8080; root $dir; }
}
CONF

ip netns exec "$srv" taskset -c 0 "$bootd" -c "$dir/bootd.yaml" >/dev/null 2>"$dir/bootd.err" &
bootd_pid=$!
ip netns exec "$srv" taskset -c 0 nginx -c "$dir/nginx.conf" &
nginx_pid=$!
fetch() { ip netns exec "$cli" curl -sf -o /dev/null "$1"; }
wait_for bootd fetch http://10.78.0.1/loaders/1m
wait_for nginx fetch http://10.78.0.1:8080/loaders/1m

ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# Prints "MBPS CPU_S_PER_GIB" of one case.
measure() { # pid, url, connections
	before=$(ticks "$1")
	out=$(ip netns exec "$cli" taskset -c 1 wrk -t1 -c"$3" -d"${seconds}s" --timeout 30s "$2")
	after=$(ticks "$1")
	echo "$out" | awk -v cpu=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" '
		/Socket errors|Non-2xx/ { bad = 1 }
		/requests in/ {
			n = $5; sub(",", "", n); unit = n; gsub(/[0-9.]/, "", unit); v = n + 0
			mul = unit == "GB" ? 1024 * 1024 * 1024 : unit == "MB" ? 1024 * 1024 : 1024
			bytes = v * mul; t = $4; sub("s,", "", t)
			if (t + 0 == 0) t = s
		}
		END { printf "%.0f %.3f %d\n", bytes / t / 1e6, cpu / hz / (bytes / 1073741824), bad }'
}

json=''
for size in 1m 64m; do
	for c in 1 32; do
		for server in bootd nginx bootd nginx; do
			if [ $server = bootd ]; then
				pid=$bootd_pid url=http://10.78.0.1/loaders/$size
			else
				pid=$nginx_pid url=http://10.78.0.1:8080/loaders/$size
			fi
			r=$(measure "$pid" "$url" "$c")
			set -- $r
			printf '%-6s %4s c=%-2s %6s MB/s  %s CPU s/GiB%s\n' \
				$server $size $c "$1" "$2" "$([ "$3" = 0 ] || echo '  (errors)')"
			json="$json{\"server\":\"$server\",\"file\":\"$size\",\"connections\":$c,\"mbps\":$1,\"cpu_s_per_gib\":$2},"
		done
	done
done
echo "{\"bench\":\"http\",\"seconds\":$seconds,\"nginx\":\"$(nginx -v 2>&1 | sed 's/.*nginx.//')\",\"cases\":[${json%,}]}"
