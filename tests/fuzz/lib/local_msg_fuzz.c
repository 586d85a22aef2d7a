/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same octets as a host of the list for a site that is alone, and as a page of it. */
#include "lib/local_msg.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "lib/json.h"
#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read once is written so that it is read again as the same. */
static void
check_host(const json_t *v)
{
	struct local_msg_host h, again;
	struct error err;
	json_t *out;

	if (local_msg_host_from_json(v, &h, &err) < 0)
		return;
	assert(str_name_valid(h.name) && h.locked_at >= 0);
	out = local_msg_host_to_json(&h);
	assert(local_msg_host_from_json(out, &again, &err) == 0);
	json_decref(out);
	assert(str_eq(h.name, again.name) && str_eq(h.image, again.image));
	assert(h.locked_at == again.locked_at && str_eq(h.withheld, again.withheld));
	assert(str_eq(h.bmc.address, again.bmc.address));
	assert(str_eq(h.bmc.password, again.bmc.password));
	assert(h.bmc.kg_set == again.bmc.kg_set &&
	       memcmp(h.bmc.kg, again.bmc.kg, sizeof(h.bmc.kg)) == 0);
	local_msg_host_done(&again);
	local_msg_host_done(&h);
}

static void
check_page(const json_t *v)
{
	struct local_msg_page page;
	struct error err;
	json_t *host;
	size_t i;

	if (local_msg_page_from_json(v, &page, &err) < 0)
		return;
	assert(json_array_size(page.hosts) <= LOCAL_MSG_PAGE_MAX);
	assert(page.after[0] == '\0' || json_array_size(page.hosts) > 0);
	json_array_foreach ((json_t *)(uintptr_t)page.hosts, i, host)
		check_host(host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err;
	json_t *v = json_parse((const char *)data, size, &err);

	if (v == NULL)
		return 0;
	check_host(v);
	check_page(v);
	json_decref(v);
	return 0;
}
