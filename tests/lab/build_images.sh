#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Builds the lab's images from Debian packages: live, rescue, installer, and the disk that the
# installer writes (a unified kernel as EFI/BOOT/BOOTX64.EFI). Usage: build_images.sh OUTDIR
# OUTDIR/images/{live,rescue,installer}/ is laid out as below /srv/netboot/images; nothing is
# rebuilt while the sources and the kernel package stay the same.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out/pkg" "$out/images/live" "$out/images/rescue" "$out/images/installer"
out=$(cd "$out" && pwd)

die() { echo "build_images: $1" >&2; exit 1; }

newest_kernel() { apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends: linux-image/ {print $2; exit}'; }

package=$(newest_kernel)
if [ -z "$package" ]; then
	apt-get update -q >/dev/null || die "apt-get update failed"
	package=$(newest_kernel)
fi
[ -n "$package" ] || die "the package lists have no linux-image-cloud-amd64"
version=$(apt-cache policy "$package" | awk '/Candidate:/ {print $2}')
stamp="$package $version $(cat "$0" "$here"/guest/* | sha256sum | cut -c1-16)"
[ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -f "$out/stamp"

if [ ! -d "$out/pkg/$package-$version" ]; then
	rm -f "$out"/pkg/*.deb
	(cd "$out/pkg" && apt-get -q -o Acquire::Retries=3 download "$package" >/dev/null 2>&1) || die "cannot download $package"
	rm -rf "$out/pkg/unpack"
	dpkg -x "$out"/pkg/"$package"_*.deb "$out/pkg/unpack"
	mv "$out/pkg/unpack" "$out/pkg/$package-$version"
	rm -f "$out"/pkg/*.deb
fi
kernel=$(ls "$out/pkg/$package-$version"/boot/vmlinuz-*)

# The initrd: busybox, the modules, our init.
root=$out/pkg/initrd
rm -rf "$root"
mkdir -p "$root/bin" "$root/modules"
cp "$(command -v busybox)" "$root/bin/busybox"
for m in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci failover \
	net_failover virtio_net virtio_blk rng-core virtio-rng button evdev loop squashfs xxhash zstd_decompress lz4_decompress; do
	find "$out/pkg/$package-$version/lib/modules" -name "$m.ko" -exec cp {} "$root/modules/" \;
done
[ -e "$root/modules/virtio_net.ko" ] || die "$package has no virtio_net.ko"
install -m 755 "$here/guest/init" "$root/init"
install -m 755 "$here/guest/udhcpc.script" "$root/udhcpc.script"
# The DHCPv6 client, which busybox has not: dhcpcd and the C library that it needs.
install -m 644 "$here/guest/dhcpcd.conf" "$root/dhcpcd.conf"
for f in "$(command -v dhcpcd)" $(ldd "$(command -v dhcpcd)" | grep -o '/[^ ]*'); do
	install -D -m 755 "$f" "$root$f"
done
# An ssh server, by which the site's agent reads the boot id: one host key for all, and the agent's key.
mkdir -p "$out/ssh"
[ -e "$out/ssh/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C lab -f "$out/ssh/id_ed25519"
[ -e "$out/ssh/host" ] || dropbearkey -t ed25519 -f "$out/ssh/host" >/dev/null 2>&1
dropbearkey -y -f "$out/ssh/host" | grep '^ssh-ed25519 ' | cut -d' ' -f1,2 >"$out/ssh/host.pub"
install -D -m 600 "$out/ssh/host" "$root/etc/dropbear/host"
install -D -m 600 "$out/ssh/id_ed25519.pub" "$root/lab/.ssh/authorized_keys"
chmod 700 "$root/lab" "$root/lab/.ssh"
echo 'root:*:0:0:root:/lab:/bin/sh' >"$root/etc/passwd"
for f in "$(command -v dropbear)" $(ldd "$(command -v dropbear)" | grep -o '/[^ ]*'); do
	install -D -m 755 "$f" "$root$f"
done
initrd=$out/pkg/initrd.img
(cd "$root" && find . -print0 | LC_ALL=C sort -z | cpio --null -o -H newc --quiet --owner=0:0) | gzip -9n >"$initrd"

for image in live rescue installer; do
	cp "$kernel" "$out/images/$image/vmlinuz"
	cp "$initrd" "$out/images/$image/initrd.img"
done

# The live system's root file system.
rm -rf "$out/pkg/liveroot"
mkdir -p "$out/pkg/liveroot/etc"
echo "lab live system" >"$out/pkg/liveroot/etc/lab-release"
mksquashfs "$out/pkg/liveroot" "$out/images/live/filesystem.squashfs" -noappend -quiet -all-root -comp gzip >/dev/null

# The installed disk: GPT with an ESP and two raw partitions (report URL, image id).
uki=$out/pkg/BOOTX64.EFI
# no_timer_check: on a busy computer the kernel finds no timer in an emulated machine, and panics.
printf 'console=ttyS0 quiet no_timer_check netboot.role=disk' >"$out/pkg/cmdline"
printf 'ID=lab\nPRETTY_NAME="netboot lab"\n' >"$out/pkg/osrel"
initrd_at=$((0x2000000 + ($(stat -c %s "$kernel") + 0xfffff) / 0x100000 * 0x100000))
objcopy \
	--add-section .osrel="$out/pkg/osrel" --change-section-vma .osrel=0x20000 \
	--add-section .cmdline="$out/pkg/cmdline" --change-section-vma .cmdline=0x30000 \
	--add-section .linux="$kernel" --change-section-vma .linux=0x2000000 \
	--add-section .initrd="$initrd" --change-section-vma .initrd="$(printf '0x%x' "$initrd_at")" \
	/usr/lib/systemd/boot/efi/linuxx64.efi.stub "$uki"
disk=$out/pkg/disk.img
esp=$out/pkg/esp.img
rm -f "$disk" "$esp"
truncate -s 40M "$esp"
mformat -i "$esp" -F ::
mmd -i "$esp" ::/EFI ::/EFI/BOOT
mcopy -i "$esp" "$uki" ::/EFI/BOOT/BOOTX64.EFI
truncate -s 48M "$disk"
sfdisk -q "$disk" <<-T
	label: gpt
	start=2048, size=81920, type=U
	start=83968, size=2048, type=L
	start=86016, size=2048, type=L
T
dd if="$esp" of="$disk" bs=1M seek=1 conv=notrunc status=none
echo "lab-disk-1" | dd of="$disk" bs=512 seek=86016 conv=notrunc,sync status=none
gzip -1nc "$disk" >"$out/images/installer/disk.img.gz"

# A disk that a BIOS boots: the same system, behind syslinux and its boot sector.
bios=$out/bios-disk.img
rm -f "$bios"
truncate -s 33M "$bios"
printf 'label: dos\nstart=2048, type=c, bootable\n' | sfdisk -q "$bios"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$bios" conv=notrunc status=none
mformat -i "$bios@@1M" -T 65536 -H 2048 ::
printf 'SERIAL 0 115200\nDEFAULT lab\nLABEL lab\nKERNEL vmlinuz\nINITRD initrd.img\nAPPEND console=ttyS0 quiet no_timer_check netboot.role=disk\n' >"$out/pkg/syslinux.cfg"
mcopy -i "$bios@@1M" "$kernel" ::/vmlinuz
mcopy -i "$bios@@1M" "$initrd" ::/initrd.img
mcopy -i "$bios@@1M" "$out/pkg/syslinux.cfg" ::/syslinux.cfg
syslinux --install --offset 1048576 "$bios"
rm -f "$disk" "$esp"
printf '%s' "$stamp" >"$out/stamp"
