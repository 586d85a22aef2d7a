/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs and site snapshots; what decodes must survive being encoded and decoded again. */
#include "lib/bundle.h"

#include <assert.h>
#include <stdint.h>

#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_bundle(const json_t *v)
{
	static struct bundle b, again;
	struct error err;
	json_t *out;

	if (bundle_from_json(v, &b, &err) < 0)
		return;
	assert(bundle_path_valid(b.image.name[0] == '\0' ? "x" : b.image.kernel.path));
	out = bundle_to_json(&b);
	assert(bundle_from_json(out, &again, &err) == 0);
	json_decref(out);
	bundle_done(&again);
	bundle_done(&b);
}

static void
check_site(const json_t *v)
{
	struct bundle_site s, again;
	struct error err;
	json_t *out;

	if (bundle_site_from_json(v, &s, &err) < 0)
		return;
	out = bundle_site_to_json(&s);
	assert(bundle_site_from_json(out, &again, &err) == 0);
	assert(again.n_hosts == s.n_hosts && again.n_subnets == s.n_subnets);
	json_decref(out);
	bundle_site_done(&again);
	bundle_site_done(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	json_t *v = json_parse((const char *)data, size, &err);

	if (v == NULL)
		return 0;
	check_bundle(v);
	check_site(v);
	json_decref(v);
	return 0;
}
