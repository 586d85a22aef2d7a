// SPDX-License-Identifier: GPL-3.0-or-later
/* The first three octets of MAC addresses → who made the card.
 *
 * Entry points: oui_open() once at the start, oui_find(). Two forms of IEEE's list are read, line by line:
 *
 *	00-22-72   (hex)		American Micro-Fuel Device Corp.	oui.txt
 *	MA-L,002272,American Micro-Fuel Device Corp.,2181 Buchanan …	oui.csv
 *
 * Any other line is passed over. Blocks that IEEE divided further have IEEE itself in the list, which is nobody
 * that makes cards: they are left out.
 * Ownership: names in one block, rows in one array, both capped; 40,000 makers are 1.5 MiB. Failure modes: a file that
 * is not there or is another one gives no names. */
#include "orchestrator/oui.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "lib/str.h"

enum {
	FILE_MAX_SIZE = 32 * 1024 * 1024,
	ROWS_MAX = 200 * 1000,
	NAMES_MAX = 8 * 1024 * 1024,
	NAME_MAX_LEN = 64,
};

struct row {
	uint32_t prefix;
	uint32_t name; /* offset */
};

struct oui {
	struct row *rows;
	size_t n, cap;
	char *names;
	size_t used, room;
};

/* Six hexadecimal digits, with dashes between the octets or without. */
static const char *
read_prefix(const char *p, const char *end, uint32_t *ret)
{
	uint32_t v = 0;
	int digits = 0;

	for (; p < end && digits < 6; p++) {
		if (*p == '-' && digits > 0 && digits % 2 == 0)
			continue;
		if (*p >= '0' && *p <= '9')
			v = v << 4 | (uint32_t)(*p - '0');
		else if (*p >= 'A' && *p <= 'F')
			v = v << 4 | (uint32_t)(*p - 'A' + 10);
		else
			return NULL;
		digits++;
	}
	*ret = v;
	return digits == 6 ? p : NULL;
}

/* Whole characters of UTF-8, the first of them that fit. */
static size_t
clip_utf8(const char *s, size_t len)
{
	if (len > NAME_MAX_LEN)
		len = NAME_MAX_LEN;
	for (size_t cut = 0; cut < 4 && len > 0; cut++, len--) {
		json_t *v = json_stringn(s, len);
		json_decref(v);
		if (v)
			return len;
	}
	return 0;
}

static void
add(struct oui *o, uint32_t prefix, const char *name, const char *end)
{
	static const char divided[] = "IEEE Registration Authority";

	while (end > name && (end[-1] == ' ' || end[-1] == '\r' || end[-1] == '\t'))
		end--;
	size_t len = clip_utf8(name, (size_t)(end - name));

	if (len == 0 || o->n >= ROWS_MAX || o->used + len + 1 > NAMES_MAX ||
	    (len == sizeof(divided) - 1 && memcmp(name, divided, len) == 0))
		return;
	if (o->n == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 4096;
		o->rows = str_realloc(o->rows, o->cap * sizeof(o->rows[0]));
	}
	if (o->used + len + 1 > o->room) {
		o->room = o->room ? o->room * 2 : 64 * 1024;
		o->names = str_realloc(o->names, o->room);
	}
	memcpy(o->names + o->used, name, len);
	o->names[o->used + len] = '\0';
	o->rows[o->n++] = (struct row){prefix, (uint32_t)o->used};
	o->used += len + 1;
}

static void
read_txt(struct oui *o, const char *p, const char *end)
{
	static const char mark[] = "(hex)";
	uint32_t prefix;

	p = read_prefix(p, end, &prefix);
	while (p && p < end && *p == ' ')
		p++;
	if (!p || (size_t)(end - p) < sizeof(mark) ||
	    memcmp(p, mark, sizeof(mark) - 1) != 0)
		return;
	p += sizeof(mark) - 1;
	while (p < end && (*p == '\t' || *p == ' '))
		p++;
	add(o, prefix, p, end);
}

static void
read_csv(struct oui *o, const char *p, const char *end)
{
	char name[NAME_MAX_LEN * 2];
	size_t n = 0;
	uint32_t prefix;
	bool quoted;

	p = read_prefix(p + strlen("MA-L,"), end, &prefix);
	if (!p || p == end || *p++ != ',')
		return;
	quoted = p < end && *p == '"';
	p += quoted ? 1 : 0;
	for (; p < end && n < sizeof(name); p++) {
		if (quoted && *p == '"' && (p + 1 == end || *++p != '"'))
			break; /* the closing one; a doubled one is a quote */
		if (!quoted && *p == ',')
			break;
		name[n++] = *p;
	}
	add(o, prefix, name, name + n);
}

static int
compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct oui *
oui_parse(const char *text, size_t len)
{
	struct oui *o = str_alloc(sizeof(*o));
	const char *p = text, *end = text + len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		if ((size_t)(stop - p) > strlen("MA-L,") &&
		    memcmp(p, "MA-L,", strlen("MA-L,")) == 0)
			read_csv(o, p, stop);
		else if (stop > p && *p != ' ' && *p != '\t')
			read_txt(o, p, stop);
		p = nl ? nl + 1 : end;
	}
	if (o->n > 0)
		qsort(o->rows, o->n, sizeof(o->rows[0]), compare);
	return o;
}

int
oui_open(const char *path, struct oui **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t len = 0, room = 0;
	ssize_t n = 0;
	int rc = fd < 0 ? -errno : 0;

	while (rc == 0 && len < FILE_MAX_SIZE) {
		if (len == room) {
			room = room ? room * 2 : 1024 * 1024;
			text = str_realloc(text, room);
		}
		n = read(fd, text + len, room - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (rc == 0 && n < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	*ret = oui_parse(text ? text : "", rc == 0 ? len : 0);
	free(text);
	return rc;
}

void
oui_free(struct oui *o)
{
	if (!o)
		return;
	free(o->rows);
	free(o->names);
	free(o);
}

size_t
oui_count(const struct oui *o)
{
	return o ? o->n : 0;
}

const char *
oui_find(const struct oui *o, const struct addr_mac *mac)
{
	uint32_t prefix =
	    (uint32_t)mac->b[0] << 16 | (uint32_t)mac->b[1] << 8 | mac->b[2];
	size_t from = 0, to = oui_count(o);

	/* The second lowest bit of the first octet: made up where the machine is (IEEE 802-2014 8.4.4). */
	if (mac->b[0] & 2)
		return "";
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		if (o->rows[mid].prefix < prefix)
			from = mid + 1;
		else
			to = mid;
	}
	if (from < oui_count(o) && o->rows[from].prefix == prefix)
		return o->names + o->rows[from].name;
	return "";
}
