#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds real Debian systems for the lab: a live system (live-boot, systemd) as live-build would lay it out, and
# the network installer's kernel and initrd. Usage: build_debian.sh OUTDIR
# OUTDIR/images/debian-live/ and OUTDIR/images/debian-installer/ are laid out as below /srv/netboot/images;
# nothing is rebuilt while this script and the release stay the same.
set -eu
out=$1
mkdir -p "$out/pkg" "$out/images"
out=$(cd "$out" && pwd)
. /etc/os-release
release=$VERSION_CODENAME
stamp="$release $(sha256sum "$0" | cut -c1-16)"
[ "$(cat "$out/debian-stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -f "$out/debian-stamp"

die() { echo "build_debian: $1" >&2; exit 1; }

# The live system: what initramfs-tools, live-boot and systemd make of it, and one unit that reports.
root=$out/pkg/debian-live
rm -rf "$root"
mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Retries "3"' --aptopt='APT::Install-Recommends "false"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--include=linux-image-cloud-amd64,initramfs-tools,live-boot,systemd-sysv,busybox,zstd,nfs-common \
	"$release" "$root" >"$out/pkg/debian-live.log" 2>&1 || { tail -n 20 "$out/pkg/debian-live.log" >&2; die "mmdebstrap failed"; }

cat >"$root/usr/local/sbin/netboot-report" <<'T'
#!/bin/sh
# Tells the boot server that this system runs: the URL is on the kernel's command line.
for w in $(cat /proc/cmdline); do
	case $w in netboot.report=*) url=${w#*=} ;; esac
done
. /etc/os-release
root=$(awk '$2 == "/run/live/medium" {print $3}' /proc/mounts)
n=0
until busybox wget -q -O /dev/null --post-data "$PRETTY_NAME, medium ${root:-in memory}" "$url/up"; do
	n=$((n + 1))
	[ $n -lt 20 ] || exit 1
	sleep 1
done
echo "netboot-report: reported up" >/dev/console
T
chmod 755 "$root/usr/local/sbin/netboot-report"
cat >"$root/etc/systemd/system/netboot-report.service" <<'T'
[Unit]
Description=Report to the boot server
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/netboot-report
[Install]
WantedBy=multi-user.target
T
ln -s ../netboot-report.service "$root/etc/systemd/system/multi-user.target.wants/netboot-report.service" 2>/dev/null || {
	mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
	ln -s ../netboot-report.service "$root/etc/systemd/system/multi-user.target.wants/netboot-report.service"
}
image=$out/images/debian-live
rm -rf "$image"
mkdir -p "$image"
cp "$root"/boot/vmlinuz-* "$image/vmlinuz"
cp "$root"/boot/initrd.img-* "$image/initrd.img"
rm -rf "${root:?}"/boot/* "${root:?}"/var/lib/apt/lists/* "${root:?}"/var/cache/apt/*
mksquashfs "$root" "$image/filesystem.squashfs" -noappend -quiet -comp zstd -Xcompression-level 3 >/dev/null
rm -rf "$root"

# The installer's kernel and initrd, as Debian's package has them.
installer=/usr/lib/debian-installer/images/$VERSION_ID/amd64/text/debian-installer/amd64
[ -e "$installer/linux" ] || die "the package debian-installer-$VERSION_ID-netboot-amd64 is missing"
image=$out/images/debian-installer
rm -rf "$image"
mkdir -p "$image"
cp "$installer/linux" "$installer/initrd.gz" "$image/"
printf '%s' "$stamp" >"$out/debian-stamp"
