#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Chassis status of many BMCs: the IPMI engine (bmcctl), FreeIPMI's ipmipower and ipmitool under
# xargs -P16, against bmcsim, cipher suite 17, a full session per BMC. Last line: JSON.
#
#   sudo tests/bench/ipmi.sh [BMCS]        (1000; ipmitool gets a tenth of them, it is that slow)
#
# Everything is in a network namespace of its own. Two passes: BMCs that answer at once, which shows
# the client's CPU, and BMCs that take 20 ms for each answer, which shows its concurrency; in the
# second one BMC in a hundred is dead.
set -eu
n=${1:-1000}
tenth=$((n / 10))
cd "$(dirname "$0")/../.."
build=${NETBOOT_BUILD:-build/release}
port=9623
user='admin'
password=secret17
ns=nbbench$$
dir=$(mktemp -d)
sim=
finish() {
	[ -z "$sim" ] || kill "$sim" 2>/dev/null || true
	ip netns del "$ns" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

[ -n "${NETBOOT_BUILD:-}" ] || make --no-print-directory -s VARIANT=release fake-bin >&2
ip netns add "$ns"
ip -n "$ns" link set lo up
echo "127.77.0.0+$n:$port $user $password operator" >"$dir/bmcs"
chmod 600 "$dir/bmcs"
ip netns exec "$ns" "$build/tests/fake/bmcsim" -c "$dir/bmcs" -s "$dir/sock" >"$dir/out" &
sim=$!
until grep -q ready "$dir/out"; do kill -0 $sim; done

cat >"$dir/freeipmi.conf" <<END
driver-type LAN_2_0
username $user
password $password
cipher-suite-id 17
privilege-level OPERATOR
END
chmod 600 "$dir/freeipmi.conf"
addresses() { # COUNT
	/usr/bin/python3 -c "
import ipaddress, sys
a = int(ipaddress.ip_address('127.77.0.0'))
for i in range($1): print(ipaddress.ip_address(a + i))"
}
addresses "$n" >"$dir/all"
addresses "$tenth" >"$dir/tenth"
sed "s/\$/:$port/" "$dir/all" | paste -sd, >"$dir/list"

tell() { # COMMAND of bmcsim's control socket
	/usr/bin/python3 -c "
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect('$dir/sock')
for line in sys.argv[1:]:
    s.sendall(line.encode() + b'\n'); assert s.recv(100) == b'ok\n'" "$@"
}

# Runs a command in the namespace; prints "SECONDS LAST-ANSWER CPU-SECONDS MEGABYTES ANSWERS": until its
# end, and until the last answer of a living BMC was printed.
measure() { # PATTERN-OF-AN-ANSWER COMMAND…
	/usr/bin/python3 - "$@" <<'END'
import re, resource, subprocess, sys, time
pattern, argv = re.compile(sys.argv[1].encode()), sys.argv[2:]
begin = last = time.monotonic()
answers = 0
p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
for line in p.stdout:
    if pattern.search(line):
        answers, last = answers + 1, time.monotonic()
p.wait()
wall = time.monotonic() - begin
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{wall:.3f} {last - begin:.3f} {u.ru_utime + u.ru_stime:.3f} {u.ru_maxrss // 1024} {answers}")
END
}

in_ns() { # PATTERN COMMAND…
	pattern=$1
	shift
	measure "$pattern" ip netns exec "$ns" "$@"
}

engine() { BMC_PASSWORD=$password in_ns '"power":"o' "$build/tests/fake/bmcctl" -u $user -C 17 status "127.77.0.0+$n:$port"; }
# -F 256: without it ipmipower 1.6.10 loses lines of output when they come too fast.
freeipmi() { in_ns ': o[nf]' ipmipower --config-file "$dir/freeipmi.conf" -F 256 -h "$(cat "$dir/list")" -s; }
tool() {
	IPMITOOL_PASSWORD=$password in_ns 'Power is' sh -c "xargs -P16 -I{} ipmitool -I lanplus -C 17 -L OPERATOR \
		-H {} -p $port -U $user -E chassis power status <$dir/tenth"
}
row() { # NAME COUNT SECONDS LAST CPU MB ANSWERS
	printf '%-28s %5s BMCs %8s s, last answer %8s s, %7s s CPU, %4s MB, %5s answers\n' "$@" >&2
	printf '{"client":"%s","bmcs":%s,"s":%s,"last_answer_s":%s,"cpu_s":%s,"rss_mb":%s,"answers":%s}' "$@"
}

rows=
add() {
	[ -z "$rows" ] || rows="$rows,"
	rows="$rows$(row "$@")"
}
# shellcheck disable=SC2046
fair() {
	add "engine" "$n" $(engine)
	add "ipmipower" "$n" $(freeipmi)
	add "ipmitool -P16" "$tenth" $(tool)
}
fair
tell "fault all delay_ms 20"
awk 'NR % 100 == 0' "$dir/all" | while read -r address; do tell "fault $address:$port dead 1"; done
# shellcheck disable=SC2046
slow() {
	add "engine, 20 ms, 1% dead" "$n" $(engine)
	add "ipmipower, 20 ms, 1% dead" "$n" $(freeipmi)
}
slow
printf '{"bench":"ipmi","cpus":%s,"rows":[%s]}\n' "$(nproc)" "$rows"
