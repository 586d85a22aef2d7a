#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# install-deps.sh [build]: installs what building and testing need, from Debian alone; with "build" only
# what building and running need. Does nothing when all of it is there. Services that come along for the
# tests (nginx, tftpd-hpa, Kea, radvd, dhcpd, relays, both NFS servers) are neither started nor enabled: they would take the ports of the tests
# and of netboot-bootd, and answer on the machine's own network.
set -eu

# Build
packages="gcc make pkg-config libc6-dev libfreeipmi-dev libipmiconsole-dev libgcrypt20-dev libcurl4-openssl-dev
libsqlite3-dev libevent-dev libjansson-dev libcyaml-dev libyaml-dev libsodium-dev libssl-dev
libical-dev libzstd-dev zlib1g-dev uthash-dev libseccomp-dev libcap-ng-dev libsystemd-dev libarchive-dev libcmocka-dev"
# Running: boot loaders, and the tool that backs the database up
packages="$packages ipxe sqlite3"
# Who made network cards: without it discovered machines have no vendor
optional="ieee-data"
services=
if [ "${1:-}" != build ]; then
	# Lint and fuzzing
	packages="$packages clang libclang-rt-dev clang-format cppcheck shellcheck binutils man-db"
	# Tests: other people's clients, servers, BMCs, firmware
	packages="$packages python3-pytest python3-pytest-xdist python3-scapy python3-yaml python3-dateutil ipmitool freeipmi-tools openipmi
	dhcpcd-base udhcpc tftp-hpa tftpd-hpa curl qemu-system-x86 qemu-utils ovmf ipxe-qemu
	dnsmasq-base kea-admin kea-dhcp4-server kea-dhcp6-server isc-dhcp-server radvd tshark tcpdump iproute2 iputils-ping ndisc6 wget procps cpio busybox-static
	qemu-system-arm qemu-efi-aarch64 ovmf-ia32 grub-efi-ia32-bin
	spin wrk nginx-light xorriso memtest86+ debian-installer-12-netboot-amd64 nfs-ganesha nfs-ganesha-vfs nfs-kernel-server jq libcap2-bin util-linux
	systemd-journal-remote prometheus zstd testssl.sh openssh-client openssh-server dropbear-bin"
	# The page, in a browser and without one
	packages="$packages chromium chromium-driver python3-selenium nodejs"
	# Other builds of nodejs bring npm along, and Debian's does not go with them.
	command -v npm >/dev/null 2>&1 || packages="$packages npm"
	# The guests of the lab
	packages="$packages systemd-boot-efi fdisk mtools syslinux syslinux-common squashfs-tools mmdebstrap xz-utils"
	# Left out where the release does not have them any more
	optional="$optional isc-dhcp-client isc-dhcp-relay"
	# Wanted as programs only
	services="prometheus ssh ssh.socket nginx tftpd-hpa kea-dhcp4-server kea-dhcp6-server isc-dhcp-server radvd isc-dhcp-relay nfs-ganesha nfs-kernel-server nfs-server nfs-blkmap rpcbind rpcbind.socket"
fi

installed() {
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

available() {
	apt-cache show "$1" >/dev/null 2>&1
}

missing=
for p in $packages; do
	installed "$p" || missing="$missing $p"
done
wanted=
for p in $optional; do
	installed "$p" || wanted="$wanted $p"
done
# An optional package alone is not worth asking the network again.
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "packages are missing; run as root: make deps (missing:$missing)" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
ours=
cleanup() {
	[ -z "$ours" ] || rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 1' INT TERM
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	ours=1
fi

# A service that is enabled already is the operator's.
ours_to_stop=
for s in $services; do
	systemctl is-enabled -q "$s" 2>/dev/null || ours_to_stop="$ours_to_stop $s"
done

# A fresh machine may still be busy with its own upgrades; mirrors have bad moments.
apt="apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
$apt update
list=
for p in $missing $wanted; do
	if available "$p"; then
		list="$list $p"
	else
		echo "this release has no package $p; going on without it" >&2
	fi
done
# shellcheck disable=SC2086 # a list of names
$apt install -y --no-install-recommends $list
# The policy file holds until now only: without this they would start with the machine.
for s in $ours_to_stop; do
	systemctl disable -q "$s" 2>/dev/null || true
done
