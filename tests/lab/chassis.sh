#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The chassis behind a simulated BMC: chassis.sh DIR get power|boot … | set power 0|1 …
# DIR belongs to tests/lab/vm.py. ipmi_sim waits for this script in its only loop: no slow step here.
dir=$1
op=$2
shift 2
case $op in
get)
	for what; do
		case $what in
		power) echo "power:$(cat "$dir/power")" ;;
		boot) echo "boot:$(cat "$dir/boot")" ;;
		*) exit 1 ;;
		esac
	done
	;;
set)
	while [ $# -ge 2 ]; do
		case $1 in
		power | reset | shutdown) echo "$1 $2" >"$dir/cmd" ;;
		boot) echo "$2" >"$dir/boot" ;;
		identify) ;;
		*) exit 1 ;;
		esac
		shift 2
	done
	;;
*) exit 1 ;;
esac
exit 0
