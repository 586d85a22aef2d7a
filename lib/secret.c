/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sealing of secrets at rest with libsodium's XChaCha20-Poly1305, and wiping.
 *
 * Entry points: secret_key_open(), secret_seal(), secret_unseal(), secret_mac(); secret_wipe() for any
 * buffer, secret_hide_memory() and secret_lock_memory() for the process. Ownership: keys by secret_key_free(), plain texts by secret_free(), sealed
 * texts by free(). Failure modes: a key file that others can read is refused; a sealed
 * text that was changed, sealed under another key or for another context is -EBADMSG. A
 * missing libsodium start-up aborts.
 */
#include "lib/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret_priv.h"
#include "lib/str.h"

enum {
	KEY_SIZE = SECRET_KEY_SIZE,
	NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	SEALED_MAX = 8192,
	SECRET_LINE_MAX = 1024,
};

#define SEALED_PREFIX "s1:"

static_assert(
    KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "the cipher's key");

void
secret_start(void)
{
	if (sodium_init() < 0)
		abort();
}

static int
write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Makes the name durable: fsync of the directory that holds it. */
static int
sync_parent(const char *path)
{
	char *dir = str_dup(path);
	char *slash = strrchr(dir, '/');
	int fd, r = 0;

	if (slash == NULL)
		str_clip(dir, strlen(dir) + 1, ".");
	else
		slash[slash == dir ? 1 : 0] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Writes a new key beside the path, then links it there, so that two programs starting at
 * once end up with one key and no reader sees half a file. */
static int
create_key_file(const char *path)
{
	uint8_t key[KEY_SIZE];
	char *temp = str_alloc(strlen(path) + 8);
	int fd = -1, r;

	memcpy(temp, path, strlen(path));
	memcpy(temp + strlen(path), ".XXXXXX", 8);
	randombytes_buf(key, sizeof(key));
	fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	r = write_all(fd, key, sizeof(key));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && link(temp, path) < 0 && errno != EEXIST)
		r = -errno;
	unlink(temp);
	if (r == 0)
		r = sync_parent(path);
out:
	if (fd >= 0)
		close(fd);
	free(temp);
	secret_wipe(key, sizeof(key));
	return r;
}

static int
key_error(struct error *err, int r, const char *path)
{
	return error_set(err, r, "key-file", "check the path and its permissions",
	    "key file %s: %s", path, strerror(-r));
}

/* Reads an opened key file after checking who else can. */
static int
read_key(int fd, const char *path, struct secret_key *key, struct error *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return key_error(err, -errno, path);
	if (!S_ISREG(st.st_mode))
		return key_error(err, -EINVAL, path);
	if ((st.st_mode & 077) != 0)
		return error_set(err, -EPERM, "key-readable", "run chmod 600 on it",
		    "key file %s can be read by others (mode %04o)", path,
		    (unsigned)(st.st_mode & 07777));
	if (st.st_size != KEY_SIZE)
		return error_set(err, -EINVAL, "key-file",
		    "restore it from its backup; without it sealed passwords are lost",
		    "key file %s is not %d octets long", path, KEY_SIZE);
	do {
		n = pread(fd, key->b, sizeof(key->b), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return key_error(err, -errno, path);
	return n == KEY_SIZE ? 0 : key_error(err, -EIO, path);
}

int
secret_key_open(const char *path, int create, struct secret_key **ret, struct error *err)
{
	struct secret_key *key = NULL;
	int fd, r;

	secret_start();
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && create) {
		r = create_key_file(path);
		if (r < 0)
			return key_error(err, r, path);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return key_error(err, -errno, path);
	key = str_alloc(sizeof(*key));
	r = read_key(fd, path, key, err);
	close(fd);
	if (r < 0) {
		secret_key_free(key);
		return r;
	}
	*ret = key;
	return 0;
}

void
secret_key_free(struct secret_key *key)
{
	if (key == NULL)
		return;
	secret_wipe(key, sizeof(*key));
	free(key);
}

char *
secret_seal(const struct secret_key *key, const char *context, const char *plain)
{
	size_t len = strlen(plain);
	size_t raw_len = NONCE_SIZE + len + TAG_SIZE;
	uint8_t *raw = str_alloc(raw_len);
	size_t text_size =
	    sodium_base64_encoded_len(raw_len, sodium_base64_VARIANT_ORIGINAL);
	char *text = str_alloc(sizeof(SEALED_PREFIX) - 1 + text_size);

	randombytes_buf(raw, NONCE_SIZE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(raw + NONCE_SIZE, NULL,
	    (const uint8_t *)plain, len, (const uint8_t *)context, strlen(context), NULL,
	    raw, key->b);
	memcpy(text, SEALED_PREFIX, sizeof(SEALED_PREFIX) - 1);
	sodium_bin2base64(text + sizeof(SEALED_PREFIX) - 1, text_size, raw, raw_len,
	    sodium_base64_VARIANT_ORIGINAL);
	free(raw);
	return text;
}

int
secret_unseal(const struct secret_key *key, const char *context, const char *sealed,
    char **ret_plain)
{
	uint8_t raw[SEALED_MAX];
	size_t raw_len = 0;
	char *plain;

	if (!str_has_prefix(sealed, SEALED_PREFIX))
		return -EBADMSG;
	sealed += sizeof(SEALED_PREFIX) - 1;
	if (sodium_base642bin(raw, sizeof(raw), sealed, strlen(sealed), NULL, &raw_len,
		NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    raw_len < NONCE_SIZE + TAG_SIZE)
		return -EBADMSG;
	plain = str_alloc(raw_len - NONCE_SIZE - TAG_SIZE + 1);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)plain, NULL, NULL,
		raw + NONCE_SIZE, raw_len - NONCE_SIZE, (const uint8_t *)context,
		strlen(context), raw, key->b) != 0) {
		free(plain);
		return -EBADMSG;
	}
	*ret_plain = plain;
	return 0;
}

/* The key seals; what digests is derived from it, one per context. */
void
secret_mac(const struct secret_key *key, const char *context, const char *text,
    char ret_hex[SECRET_MAC_TEXT])
{
	uint8_t derived[crypto_generichash_KEYBYTES], mac[(SECRET_MAC_TEXT - 1) / 2];

	crypto_generichash(derived, sizeof(derived), (const uint8_t *)context,
	    strlen(context), key->b, sizeof(key->b));
	crypto_generichash(mac, sizeof(mac), (const uint8_t *)text, strlen(text), derived,
	    sizeof(derived));
	sodium_bin2hex(ret_hex, SECRET_MAC_TEXT, mac, sizeof(mac));
	secret_wipe(derived, sizeof(derived));
}

char *
secret_make(const char *prefix)
{
	uint8_t raw[32];
	size_t at = strlen(prefix);
	size_t size = sodium_base64_encoded_len(
	    sizeof(raw), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	char *text = str_alloc(at + size);

	secret_start();
	randombytes_buf(raw, sizeof(raw));
	memcpy(text, prefix, at);
	sodium_bin2base64(
	    text + at, size, raw, sizeof(raw), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	secret_wipe(raw, sizeof(raw));
	return text;
}

void
secret_hmac_sha256(
    const char *key, const char *text, size_t len, char ret_hex[SECRET_MAC_TEXT])
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	secret_start();
	crypto_auth_hmacsha256_init(&state, (const uint8_t *)key, strlen(key));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, len);
	crypto_auth_hmacsha256_final(&state, mac);
	sodium_bin2hex(ret_hex, SECRET_MAC_TEXT, mac, sizeof(mac));
	secret_wipe(&state, sizeof(state));
}

static int
secret_line(const char *path, char *text, size_t len, size_t min, struct error *err)
{
	size_t n = strcspn(text, "\r\n");

	/* An octet 0 within would end the key early. */
	if (memchr(text, 0, len) != NULL || n > SECRET_LINE_MAX || n < min)
		return error_set(err, -EINVAL, "secret-file",
		    "openssl rand -hex 32 makes a good one",
		    "%s: its first line is no text of %zu to %d octets", path, min,
		    SECRET_LINE_MAX);
	text[n] = '\0';
	return 0;
}

int
secret_file_read(const char *path, size_t min, char **ret, struct error *err)
{
	char *text = str_alloc(SECRET_LINE_MAX + 3);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t n = -1;
	int rc = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;

	if (rc < 0)
		rc = error_set(err, -EINVAL, "secret-file", "create it with mode 0600",
		    "%s: %s", path, strerror(-rc));
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
		rc = error_set(err, -EINVAL, "secret-file",
		    "give it to the service's user with mode 0600",
		    "%s: not a plain file that only its owner can read", path);
	else if ((n = read(fd, text, SECRET_LINE_MAX + 2)) < 0)
		rc = error_set(
		    err, -EINVAL, "secret-file", NULL, "%s: %s", path, strerror(errno));
	if (rc == 0)
		rc = secret_line(path, text, (size_t)n, min, err);
	if (fd >= 0)
		close(fd);
	if (rc < 0) {
		secret_wipe(text, SECRET_LINE_MAX + 3);
		free(text);
		return rc;
	}
	*ret = text;
	return 0;
}

void
secret_free(char *plain)
{
	if (plain == NULL)
		return;
	secret_wipe(plain, strlen(plain));
	free(plain);
}

void
secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

int
secret_equal(const char *a, const char *b)
{
	uint8_t ha[crypto_generichash_BYTES], hb[crypto_generichash_BYTES];

	/* Equal-length digests: neither content nor length shows in the time taken. */
	crypto_generichash(ha, sizeof(ha), (const uint8_t *)a, strlen(a), NULL, 0);
	crypto_generichash(hb, sizeof(hb), (const uint8_t *)b, strlen(b), NULL, 0);
	return sodium_memcmp(ha, hb, sizeof(ha)) == 0;
}

/* Not by a limit of the core's size, which the kernel does not heed where it hands cores to a
 * program. */
void
secret_hide_memory(void)
{
	const char *wanted = getenv("NETBOOT_CORE");

	if (wanted != NULL && str_eq(wanted, "1"))
		return;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		abort();
}

/* All of it, not buffers alone: passwords pass through JSON, SQLite and libfreeipmi as well. Pages
 * are locked when they are touched, so that this costs what the process uses. */
int
secret_lock_memory(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY}, now;

	(void)setrlimit(RLIMIT_MEMLOCK, &all); /* for those who may raise it */
	if (getrlimit(RLIMIT_MEMLOCK, &now) < 0)
		return -errno;
	if (now.rlim_cur != RLIM_INFINITY)
		return -EPERM;
	return mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0 ? -errno : 0;
}
