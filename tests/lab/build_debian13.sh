#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds what the lab boots out of Debian 13's packages, whose ipxe is the first that has arm64 and asks for
# autoexec.ipxe: loaders/ipxe-arm64.efi, loaders/snponly-13.efi (x64), and images/arm64/ (a kernel, and the init of the
# lab's other systems). Usage: build_debian13.sh OUTDIR
# The packages come through a package list of their own, so that the machine keeps its architectures and sources; apt
# checks their signatures as it does everybody's. Nothing is rebuilt while this script and the guest's files stay the
# same.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
stamp=$(cat "$0" "$here"/guest/* | sha256sum | cut -c1-16)
[ "$(cat "$out/debian13-stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -f "$out/debian13-stamp"

die() { echo "build_debian13: $1" >&2; exit 1; }

work=$out/debian13
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs" "$work/tree" "$out/loaders" "$out/images/arm64"
: >"$work/status"
arm64() { # PROGRAM ARGUMENT... : apt as it would be on an arm64 machine of that release with nothing installed
	program=$1
	shift
	"$program" -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Acquire::Retries=3 -o Acquire::Languages=none \
		-o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" \
		-o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root "$@"
}

lists() { # MIRROR
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $1 trixie main" >"$work/sources.list"
	arm64 apt-get update >"$work/apt.log" 2>&1
}

# The mirror that this machine uses may not have that release.
# shellcheck disable=SC2016 # apt's names
mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 2>/dev/null | awk '$2 $3 == "DebianDebian" {print $1; exit}')
{ [ -n "$mirror" ] && lists "$mirror"; } || lists http://deb.debian.org/debian ||
	{ cat "$work/apt.log" >&2; die "no package lists"; }
kernel=$(arm64 apt-cache depends linux-image-cloud-arm64 | awk '/Depends: linux-image/ {print $2; exit}')
[ -n "$kernel" ] || die "the package lists have no linux-image-cloud-arm64"
(cd "$work/debs" && arm64 apt-get download ipxe busybox-static "$kernel") >"$work/apt.log" 2>&1 ||
	{ cat "$work/apt.log" >&2; die "no packages"; }
for deb in "$work"/debs/*.deb; do
	dpkg -x "$deb" "$work/tree"
done

cp "$work/tree/usr/lib/ipxe/ipxe-arm64.efi" "$out/loaders/"
cp "$work/tree/usr/lib/ipxe/snponly.efi" "$out/loaders/snponly-13.efi"
cp "$work"/tree/boot/vmlinuz-* "$out/images/arm64/vmlinuz"

# The initrd: busybox, the modules, our init.
root=$work/initrd
mkdir -p "$root/bin" "$root/modules"
cp "$work/tree/usr/bin/busybox" "$root/bin/busybox"
for m in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover net_failover virtio_net; do
	find "$work/tree" -name "$m.ko*" -exec cp {} "$root/modules/" \;
done
[ -z "$(find "$root/modules" -name '*.xz')" ] || xz -d "$root"/modules/*.xz
[ -e "$root/modules/virtio_net.ko" ] || die "$kernel has no virtio_net.ko"
install -m 755 "$here/guest/init" "$root/init"
install -m 755 "$here/guest/udhcpc.script" "$root/udhcpc.script"
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet --owner=0:0) | gzip -9n \
	>"$out/images/arm64/initrd.img"
rm -rf "$work"
printf '%s' "$stamp" >"$out/debian13-stamp"
