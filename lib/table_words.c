// SPDX-License-Identifier: GPL-3.0-or-later
/* What a newer orchestrator says in a site's table and nobody here knows: a way to idle, a firmware, an architecture. Refused with them, the
 * whole table would stay an old one; so they are left out, each so that no machine is booted by mistake:
 *
 *     idle                         local: the machine leaves to its disk
 *     firmware, local_boot, probe  as if not said, and the host's idle is local, so that nothing here but a job boots it; a job's bundle is
 *                                  read in full, and refused
 *     loaders                      that architecture gets the configured one; of a host, idle is local as well
 *     ra of a subnet               nothing is advertised
 *     menu, an image of it         not there, when it cannot be read: a site without a menu leaves to the disk
 *
 * Entry points: table_words_host(), table_words_head(). They give back what they were given while all is known, else a shallow copy; members that are
 * wrong otherwise are left to the codecs, which refuse them.
 * Ownership: the result is a new reference. No failure modes. */
#include "lib/table_words.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/addr.h"
#include "lib/arch.h"
#include "lib/bundle.h"
#include "lib/compiler.h"
#include "lib/json.h"
#include "lib/str.h"

typedef bool
known_fn(const char *word);

static bool
idle_known(const char *word)
{
	enum bundle_idle idle;

	return bundle_idle_parse(word, &idle) == 0;
}

static bool
firmware_known(const char *word)
{
	enum bundle_firmware firmware;

	return bundle_firmware_parse(word, &firmware) == 0;
}

static bool
local_boot_known(const char *word)
{
	enum bundle_local_boot how;

	return bundle_local_boot_parse(word, &how) == 0;
}

static bool
ra_known(const char *word)
{
	enum bundle_ra ra;

	return bundle_ra_parse(word, &ra) == 0;
}

static bool
is_known(const json_t *v, const char *key, known_fn *known)
{
	const char *word = json_string_value(json_object_get(v, key));

	return word == NULL || known(word);
}

/* Is there a loader of an architecture that has no name here? */
static size_t
strange_loaders(const json_t *v)
{
	json_t *file;
	const char *name;
	uint16_t arch;
	size_t n = 0;

	json_object_foreach (json_object_get(v, "loaders"), name, file)
		n += arch_parse(name, &arch) < 0;
	return n;
}

/* In a shallow copy. */
static void
drop_loaders(json_t *v)
{
	json_t *loaders = json_copy(json_object_get(v, "loaders")), *file;
	const char *name;
	void *next;
	uint16_t arch;

	json_object_foreach_safe(loaders, next, name,
	    file) if (arch_parse(name, &arch) < 0) json_object_del(loaders, name);
	json_put(v, "loaders", loaders);
}

static json_t *
same(const json_t *v)
{
	return json_incref((json_t *)(uintptr_t)v);
}

static json_t *
copy(const json_t *v)
{
	return json_copy((json_t *)(uintptr_t)v);
}

json_t *
table_words_host(const json_t *host, size_t *n)
{
	static const struct {
		const char *key;
		known_fn *known;
	} words[] = {
	    {"idle", idle_known},
	    {"firmware", firmware_known},
	    {"local_boot", local_boot_known},
	    {"probe", bundle_probe_valid},
	};
	size_t before = *n, loaders = strange_loaders(host);
	json_t *ret;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		*n += !is_known(host, words[i].key, words[i].known);
	*n += loaders;
	if (*n == before)
		return same(host);
	ret = copy(host);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!is_known(host, words[i].key, words[i].known))
			json_object_del(ret, words[i].key);
	if (loaders > 0)
		drop_loaders(ret);
	json_put_str(ret, "idle", bundle_idle_name(BUNDLE_IDLE_LOCAL));
	return ret;
}

/* One whose router_s or mtu would have gone with the word. */
static json_t *
subnet_words(const json_t *subnet, size_t *n)
{
	json_t *ret;

	if (is_known(subnet, "ra", ra_known))
		return same(subnet);
	++*n;
	ret = copy(subnet);
	json_put_str(ret, "ra", bundle_ra_name(BUNDLE_RA_OFF));
	return ret;
}

static json_t *
image_words(const json_t *image, size_t *n)
{
	struct bundle_image *room = str_alloc(sizeof(*room));
	bool known = bundle_image_from_json(image, room, NULL) == 0;

	if (known)
		json_decref(room->deadlines);
	else
		++*n;
	free(room);
	return known ? same(image) : NULL;
}

/* Replaces the list, in a shallow copy, by one of what `each` gives. */
static void
put_list(
    json_t *v, const char *key, json_t *(*each)(const json_t *item, size_t *n), size_t *n)
{
	json_t *list = json_object_get(v, key), *known, *item, *one;
	size_t i;

	if (!json_is_array(list))
		return;
	known = json_array();
	json_array_foreach (list, i, item) {
		one = each(item, n);
		if (one != NULL)
			json_array_append_new(known, one);
	}
	json_put(v, key, known);
}

static bool
menu_known(const json_t *site)
{
	struct bundle_menu *room = str_alloc(sizeof(*room));
	bool known = bundle_menu_from_json(site, room, NULL) == 0;

	free(room);
	return known;
}

json_t *
table_words_head(const json_t *site, size_t *n)
{
	json_t *ret = copy(site);

	if (!is_known(site, "idle", idle_known)) {
		++*n;
		json_put_str(ret, "idle", bundle_idle_name(BUNDLE_IDLE_LOCAL));
	}
	if (!menu_known(site)) {
		++*n;
		json_object_del(ret, "menu");
	}
	if (strange_loaders(site) > 0) {
		*n += strange_loaders(site);
		drop_loaders(ret);
	}
	put_list(ret, "subnets", subnet_words, n);
	put_list(ret, "menu_images", image_words, n);
	return ret;
}
