/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of manners and how they are resolved.
 *
 * A value is an int64_t whatever it means; the table has its JSON name, its kind (a choice of words, a
 * set of them, a list of them, or a number with unit and bounds), its usual value and its bounds. Documents hold
 * the words, never the numbers, but for selectors. Entry points: bmc_manners_resolve(),
 * bmc_manners_to_json(). Nothing is owned. Failure modes: -EINVAL naming the member, with the value
 * of the level below kept.
 */
#include "agent/bmc_manners.h"

#include <errno.h>
#include <string.h>

#include "agent/bmc_proto.h"
#include "agent/bmc_vendors.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/str.h"

enum kind { NUMBER, MILLISECONDS, BOOL, CHOICE, SET, LIST };

enum { LIST_MAX = 6 };

/* Two octets of the boot flags' second octet: device selector 2, "force boot from default hard drive". */
enum { DISK_USUAL = 0x08 };

/* The others of that octet clear the CMOS, or lock keyboard, screen and buttons (table 28-14). */
enum { DEVICE_BITS = BMC_BOOTDEV_MASK << BMC_BOOTDEV_SHIFT };

static const char *const workaround_words[] = {"authcap", "intel20", "supermicro20",
    "sun20", "opensesspriv", "integritycheckvalue", "nochecksumcheck", "ipmiping",
    "solpayloadsize", "solport", "solstatus", "solchannelsupport", "serialalertsdeferred",
    "solpacketseq", NULL};
static const char *const verify_words[] = {"full", "device", NULL};
static const char *const parameter_3_words[] = {"08", "1f", "skip", NULL};
static const char *const when_off_words[] = {"on", "cycle", "refuse", NULL};
static const char *const reset_words[] = {"reset", "cycle", NULL};
static const char *const variant_words[] = {
    "", "once", "keep-1f", "in-progress", "bare", "persistent", "no-efi", NULL};
static const char *const origin_words[] = {"default", "vendor", "learned", "host"};

#define VARIANTS_USUAL                                                                 \
	(BMC_VARIANT_ONCE | BMC_VARIANT_IN_PROGRESS << 8 | BMC_VARIANT_KEEP_1F << 16 | \
	    BMC_VARIANT_BARE << 24)

static const struct {
	const char *name;
	enum kind kind;
	const char *const *words;
	int64_t usual, max; /* max in the unit of the document */
} manners[BMC_MANNER_COUNT] = {
    [BMC_MANNER_WORKAROUNDS] = {"workarounds", SET, workaround_words, 0, 0},
    [BMC_MANNER_VERIFY] = {"verify", CHOICE, verify_words, BMC_VERIFY_FULL, 0},
    /* ironic sends 0x00 0x08 0x03 0x08 before each boot device (ipmi.md 3); 1Fh is a vendor
     * manual's (racker pull request 36). */
    [BMC_MANNER_PARAMETER_3] = {"parameter_3", CHOICE, parameter_3_words,
	BMC_PARAMETER_3_08, 0},
    [BMC_MANNER_PARAMETER_4] = {"parameter_4", BOOL, NULL, 1, 0},
    [BMC_MANNER_DISK_SELECTOR] = {"disk_selector", NUMBER, NULL, DISK_USUAL, DEVICE_BITS},
    [BMC_MANNER_AFTER_FLAGS] = {"after_flags_ms", MILLISECONDS, NULL, 0, 30000},
    [BMC_MANNER_AFTER_OFF] = {"after_off_ms", MILLISECONDS, NULL, 0, 60000},
    [BMC_MANNER_CYCLE_WHEN_OFF] = {"cycle_when_off", CHOICE, when_off_words,
	BMC_WHEN_OFF_ON, 0},
    /* Moonshot refuses a reset with 80h and takes a cycle (mr-provisioner pull request 1). */
    [BMC_MANNER_RESET_AS] = {"reset_as", CHOICE, reset_words, BMC_RESET_AS_RESET, 0},
    /* ironic keeps 5 s, since a "BMC may crash" (ipmi.md 3): here nothing until it is known. */
    [BMC_MANNER_COMMAND_GAP] = {"command_gap_ms", MILLISECONDS, NULL, 0, 10000},
    [BMC_MANNER_SESSION_GAP] = {"session_gap_ms", MILLISECONDS, NULL, 0, 60000},
    [BMC_MANNER_SESSIONS_PER_MINUTE] = {"sessions_per_minute", NUMBER, NULL, 0, 600},
    [BMC_MANNER_SESSION_LIMIT] = {"session_limit", NUMBER, NULL, 0, 64},
    [BMC_MANNER_SOL_BAUD] = {"sol_baud", NUMBER, NULL, 0, 115200},
    [BMC_MANNER_SOL_KEEPALIVE] = {"sol_keepalive", BOOL, NULL, 0, 0},
    [BMC_MANNER_VARIANTS] = {"variants", LIST, variant_words, VARIANTS_USUAL, 0},
};

const char *
bmc_manners_name(enum bmc_manner which)
{
	return manners[which].name;
}

const char *
bmc_manners_origin_name(enum bmc_origin origin)
{
	return origin_words[origin];
}

const char *
bmc_manners_variant_name(enum bmc_variant v)
{
	return variant_words[v];
}

enum bmc_variant
bmc_manners_variant_parse(const char *name)
{
	for (int v = BMC_VARIANT_ONCE; v < BMC_VARIANT_COUNT; v++)
		if (str_eq(name, variant_words[v]))
			return (enum bmc_variant)v;
	return BMC_VARIANT_NONE;
}

const struct bmc_manners *
bmc_manners_usual(void)
{
#define USUAL(which, v) .value[which] = (v)
	static const struct bmc_manners usual = {
	    USUAL(BMC_MANNER_PARAMETER_4, 1),
	    USUAL(BMC_MANNER_DISK_SELECTOR, DISK_USUAL),
	    USUAL(BMC_MANNER_VARIANTS, VARIANTS_USUAL),
	};
#undef USUAL

	return &usual;
}

/* ---- documents ---- */

static int
word(const char *const *words, const json_t *v)
{
	const char *s = json_string_value(v);

	for (int i = 0; s != NULL && words[i] != NULL; i++)
		if (words[i][0] != '\0' && str_eq(words[i], s))
			return i;
	return -EINVAL;
}

static int
read_words(enum bmc_manner which, const json_t *v, int64_t *ret)
{
	bool set = manners[which].kind == SET;
	size_t n = json_array_size(v);
	int64_t got = 0;

	if (!json_is_array(v) || (!set && (n == 0 || n > LIST_MAX)))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		int w = word(manners[which].words, json_array_get(v, i));

		if (w < 0)
			return -EINVAL;
		got |= set ? INT64_C(1) << w : (int64_t)w << (8 * i);
	}
	*ret = got;
	return 0;
}

static int
read_value(enum bmc_manner which, const json_t *v, int64_t *ret)
{
	int64_t n = json_integer_value(v);
	int w;

	switch (manners[which].kind) {
	case NUMBER:
	case MILLISECONDS:
		if (!json_is_integer(v) || n < 0 || n > manners[which].max ||
		    (which == BMC_MANNER_DISK_SELECTOR && (n & ~DEVICE_BITS) != 0))
			return -EINVAL;
		*ret = manners[which].kind == NUMBER ? n : n * USEC_PER_MSEC;
		return 0;
	case BOOL:
		if (!json_is_boolean(v))
			return -EINVAL;
		*ret = json_is_true(v);
		return 0;
	case CHOICE:
		w = word(manners[which].words, v);
		if (w < 0)
			return -EINVAL;
		*ret = w;
		return 0;
	case SET:
	case LIST: return read_words(which, v, ret);
	}
	return -EINVAL;
}

static json_t *
words_json(enum bmc_manner which, int64_t value)
{
	json_t *v = json_array();

	for (int i = 0; manners[which].kind == SET && manners[which].words[i] != NULL;
	     i++)
		if (value & INT64_C(1) << i)
			json_array_append_new(v, json_string(manners[which].words[i]));
	for (int i = 0; manners[which].kind == LIST && i < LIST_MAX; i++)
		if ((value >> (8 * i) & 0xFF) != BMC_VARIANT_NONE)
			json_array_append_new(v,
			    json_string(manners[which].words[value >> (8 * i) & 0xFF]));
	return v;
}

json_t *
bmc_manners_value_json(enum bmc_manner which, int64_t value)
{
	switch (manners[which].kind) {
	case NUMBER: return json_integer(value);
	case MILLISECONDS: return json_integer(value / USEC_PER_MSEC);
	case BOOL: return json_boolean(value != 0);
	case CHOICE: return json_string(manners[which].words[value]);
	case SET:
	case LIST: return words_json(which, value);
	}
	return json_null();
}

json_t *
bmc_manners_to_json(const struct bmc_manners *m)
{
	json_t *all = json_object(), *one;

	for (int i = 0; i < BMC_MANNER_COUNT; i++) {
		one = json_object();
		json_put(one, "value",
		    bmc_manners_value_json((enum bmc_manner)i, m->value[i]));
		json_put_str(one, "from", origin_words[m->origin[i]]);
		json_put_str(one, "source", m->source[i]);
		json_put(all, manners[i].name, one);
	}
	return all;
}

/* ---- resolving ---- */

static void
put(struct bmc_manners *m, enum bmc_manner which, int64_t value, enum bmc_origin origin,
    const char *source)
{
	m->value[which] = value;
	m->origin[which] = (uint8_t)origin;
	m->source[which] = source;
}

static void
apply_vendors(struct bmc_manners *m, const struct bmc_device *dev)
{
	for (size_t i = 0; i < bmc_vendors_n_rows; i++) {
		const struct bmc_vendors_row *row = &bmc_vendors_rows[i];

		for (unsigned k = 0; bmc_vendors_matches(row, dev) && k < row->n_set; k++)
			put(m, row->set[k].which, row->set[k].value, BMC_ORIGIN_VENDOR,
			    row->source);
	}
}

static int
find(const char *name)
{
	for (int i = 0; i < BMC_MANNER_COUNT; i++)
		if (str_eq(manners[i].name, name))
			return i;
	return -EINVAL;
}

/* A probe and a job learn only what they were free to try. */
static bool
may_say(enum bmc_origin origin, enum bmc_manner which, int64_t value)
{
	for (unsigned i = 0; which == BMC_MANNER_VARIANTS && i < LIST_MAX; i++)
		if (origin == BMC_ORIGIN_LEARNED &&
		    !bmc_manners_variant_free(
			(enum bmc_variant)(value >> (8 * i) & 0xFF)))
			return false;
	return true;
}

/* 0, or -EINVAL with the first member that is not understood; the others are taken. */
static int
apply_doc(
    struct bmc_manners *m, const json_t *doc, enum bmc_origin origin, struct error *err)
{
	const char *name;
	const json_t *v;
	int r = 0;

	json_object_foreach ((json_t *)doc, name, v) {
		int which = find(name);
		int64_t value;

		if (which >= 0 && read_value((enum bmc_manner)which, v, &value) == 0 &&
		    may_say(origin, (enum bmc_manner)which, value)) {
			put(m, (enum bmc_manner)which, value, origin, NULL);
			continue;
		}
		if (r == 0)
			r = error_set(err, -EINVAL, "bmc-manners",
			    "docs/bmc-manners.md has all of them",
			    which < 0 ? "manners: there is no %s"
				      : "manners: %s: not a value that it may have",
			    name);
	}
	return r;
}

static bool
in_range(const json_t *v, const char *key, int64_t max, int64_t *ret)
{
	const json_t *n = json_object_get(v, key);

	*ret = json_integer_value(n);
	return json_is_integer(n) && *ret >= 0 && *ret <= max;
}

bool
bmc_manners_device(const json_t *learned, struct bmc_device *ret)
{
	const json_t *v = json_object_get(learned, "device");
	int64_t manufacturer, product, major, minor;

	if (!in_range(v, "manufacturer", 0xFFFFF, &manufacturer) ||
	    !in_range(v, "product", 0xFFFF, &product) ||
	    !in_range(v, "firmware_major", 0x7F, &major) ||
	    !in_range(v, "firmware_minor", 0xFF, &minor))
		return false;
	*ret = (struct bmc_device){.known = true,
	    .manufacturer = (uint32_t)manufacturer,
	    .product = (uint16_t)product,
	    .fw_major = (uint8_t)major,
	    .fw_minor = (uint8_t)minor};
	return true;
}

int
bmc_manners_resolve(struct bmc_manners *ret, const struct bmc_device *dev,
    const json_t *learned, const json_t *host, struct error *err)
{
	struct error
	    newer; /* a newer agent may have learned what this one does not know */
	struct bmc_device told;

	*ret = *bmc_manners_usual();
	if (dev != NULL || bmc_manners_device(learned, &told))
		apply_vendors(ret, dev != NULL ? dev : &told);
	learned = json_object_get(learned, "manners");
	if (json_is_object(learned))
		(void)apply_doc(ret, learned, BMC_ORIGIN_LEARNED, &newer);
	return host != NULL ? apply_doc(ret, host, BMC_ORIGIN_HOST, err) : 0;
}

/* ---- variants ---- */

enum bmc_variant
bmc_manners_variant(const struct bmc_manners *m, unsigned attempt)
{
	int64_t list = m->value[BMC_MANNER_VARIANTS];
	unsigned n = 0;

	while (n < LIST_MAX && (list >> (8 * n) & 0xFF) != BMC_VARIANT_NONE)
		n++;
	if (n == 0)
		return BMC_VARIANT_ONCE;
	if (attempt == 0) /* an order of one attempt */
		attempt = 1;
	return (enum bmc_variant)(list >> (8 * ((attempt - 1) % n)) & 0xFF);
}

bool
bmc_manners_variant_free(enum bmc_variant v)
{
	return v != BMC_VARIANT_PERSISTENT && v != BMC_VARIANT_NO_EFI;
}

int64_t
bmc_manners_variant_first(int64_t list, enum bmc_variant v)
{
	int64_t ret = v;
	unsigned n = 1;

	for (unsigned i = 0; i < LIST_MAX && n < LIST_MAX; i++) {
		int64_t other = list >> (8 * i) & 0xFF;

		if (other != BMC_VARIANT_NONE && other != (int64_t)v)
			ret |= other << (8 * n++);
	}
	return ret;
}
