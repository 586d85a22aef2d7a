/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thorough look at a BMC that answers what the input says: it ends, sets boot flags only to what
 * means nothing or to what it has read, and its document is understood. An input that is JSON is taken
 * for the manners of a host's owner, and what is resolved stays within its bounds; for what was
 * learned, and an audit has its findings. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bmc_audit.h"
#include "agent/bmc_look.h"
#include "agent/bmc_manners.h"
#include "lib/json.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ASKED_MAX = 64 };

static void
check_set(const struct bmc_look *l, const struct bmc_cmd *cmd)
{
	static const uint8_t nothing[] = {
	    BMC_BOOTOPT_FLAGS, BMC_BOOTFLAG_VALID | BMC_BOOTFLAG_EFI, 0, 0, 0, 0};

	if (cmd->netfn != BMC_NETFN_CHASSIS || cmd->cmd != BMC_CMD_SET_BOOT_OPTIONS)
		return;
	assert(cmd->len == sizeof nothing && cmd->data[0] == BMC_BOOTOPT_FLAGS);
	assert(memcmp(cmd->data, nothing, sizeof nothing) == 0 ||
	       (memcmp(cmd->data + 1, l->options[BMC_BOOTOPT_FLAGS].data + 2, 5) == 0 &&
		   !(cmd->data[1] & BMC_BOOTFLAG_VALID)));
}

static void
check_manners(const struct bmc_manners *m)
{
	json_t *v = bmc_manners_to_json(m);

	assert(json_object_size(v) == BMC_MANNER_COUNT);
	json_decref(v);
	for (unsigned i = 0; i < 8; i++)
		assert(bmc_manners_variant(m, i) > BMC_VARIANT_NONE &&
		       bmc_manners_variant(m, i) < BMC_VARIANT_COUNT);
}

/* What an audit makes of it, or of a document that somebody else wrote. */
static void
check_findings(const json_t *learned)
{
	const struct bundle_bmc bmc = {.user = "admin", .privilege = "operator"};
	json_t *v = bmc_audit_findings(learned, &bmc, false);
	const json_t *one;
	size_t i;

	json_array_foreach (v, i, one)
		assert(json_string_length(json_object_get(one, "text")) > 0);
	json_decref(v);
}

static void
look(const uint8_t *data, size_t size)
{
	struct bmc_look l = {.level = BMC_PRIVILEGE_OPERATOR,
	    .may_set = true,
	    .want_users = size % 2 != 0};
	struct bmc_cmd cmd;
	struct bmc_manners m;
	struct error err;
	unsigned asked = 0;
	json_t *v;
	char *text;

	while (bmc_look_next(&l, &cmd)) {
		struct bmc_reply rs = {.code = BMC_COMPLETION_INVALID_COMMAND};

		assert(++asked < ASKED_MAX);
		check_set(&l, &cmd);
		if (size >= 2) { /* code, length, data */
			rs.code = data[0];
			rs.len = data[1] % (BMC_PROTO_DATA_MAX + 1);
			data += 2;
			size -= 2;
			if (rs.len > size)
				rs.len = (uint8_t)size;
			memcpy(rs.data, data, rs.len);
			data += rs.len;
			size -= rs.len;
		}
		bmc_look_take(&l, &rs);
	}
	v = bmc_look_json(&l, 17, 0);
	text = json_text(v);
	assert(strlen(text) < BUNDLE_BMC_DOC_MAX);
	free(text);
	assert(bmc_manners_resolve(&m, NULL, v, NULL, &err) == 0);
	check_manners(&m);
	check_findings(v);
	json_decref(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bmc_manners m;
	struct error err;
	json_t *v = json_parse((const char *)data, size, &err);

	look(data, size);
	if (v == NULL)
		return 0;
	if (bmc_manners_resolve(&m, NULL, v, v, &err) < 0)
		assert(err.text[0] != '\0');
	check_manners(&m);
	check_findings(v);
	json_decref(v);
	return 0;
}
