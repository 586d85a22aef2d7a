/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The DUID of our DHCPv6 server.
 *
 * dhcp6_identity_load() reads one line of hex; where there is none it makes a random UUID and writes it
 * beside, flushes, renames and flushes the directory, so that a crash leaves either nothing or all of it.
 * What is there and is no DUID is refused: another identity would end the leases of every client.
 *
 * Ownership: nothing is kept open. */
#include "boot-services/dhcp6_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/str.h"

static const char file_name[] = "duid6";
static const char new_name[] = "duid6.new";

/* 0, -ENOENT, -EINVAL or another negative errno. */
static int
load(int dirfd, struct dhcp6_duid *ret)
{
	int fd = openat(dirfd, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[DHCP6_DUID_TEXT + 2];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return dhcp6_duid_from_text(text, ret);
}

static int
write_text(int fd, const char *text, uid_t uid, gid_t gid)
{
	size_t len = strlen(text);
	ssize_t n = write(fd, text, len);

	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -EIO;
	if (uid != (uid_t)-1 && fchown(fd, uid, gid) < 0)
		return -errno;
	return fdatasync(fd) < 0 ? -errno : 0;
}

static int
save(int dirfd, uid_t uid, gid_t gid, const struct dhcp6_duid *duid)
{
	char text[DHCP6_DUID_TEXT + 1];
	int fd = openat(
	    dirfd, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int r;

	if (fd < 0)
		return -errno;
	dhcp6_duid_text(duid, text, sizeof(text));
	text[strlen(text) + 1] = '\0';
	text[strlen(text)] = '\n';
	r = write_text(fd, text, uid, gid);
	close(fd);
	if (r == 0 && renameat(dirfd, new_name, dirfd, file_name) < 0)
		r = -errno;
	if (r == 0 && fsync(dirfd) < 0)
		r = -errno;
	return r;
}

int
dhcp6_identity_load(int dirfd, uid_t uid, gid_t gid, struct rng *rng,
    struct dhcp6_duid *ret, struct error *err)
{
	struct dhcp6_duid made;
	uint8_t uuid[16];
	int r = load(dirfd, ret);

	if (r == 0)
		return 0;
	if (r == -EINVAL)
		return error_set(err, r, "dhcp6-duid",
		    "put the right one back from a backup, or remove the file: clients "
		    "then take us for another server",
		    "%s in the state directory does not hold a DUID", file_name);
	if (r == -ENOENT) {
		rng_bytes(rng, uuid, sizeof(uuid));
		uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* RFC 9562 5.4 */
		uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
		made = dhcp6_duid_make_uuid(uuid);
		r = save(dirfd, uid, gid, &made);
	}
	if (r < 0)
		return error_set(err, r, "dhcp6-duid",
		    "check that the state directory belongs to the user of netboot-bootd "
		    "and has room",
		    "cannot keep the DUID of this server in %s: %s", file_name,
		    strerror(-r));
	*ret = made;
	return 0;
}
