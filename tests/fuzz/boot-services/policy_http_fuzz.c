/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HTTP paths: whatever is asked, only an armed ticket's own token leads to its kernel, a file name
 * never leaves its root, and there is always a reason. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot-services/policy.h"
#include "lib/str.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKEN "0123456789abcdefghjkmnpqrs"

static void
add_menu(struct hosttab *t)
{
	struct bundle_menu *menu = str_alloc(sizeof(*menu));
	struct bundle_image *image = str_alloc(sizeof(*image));
	struct error err;

	bundle_menu_init(menu);
	hosttab_set_menu(t, menu);
	str_clip(image->name, sizeof(image->name), "grml");
	str_clip(image->kind, sizeof(image->kind), "live");
	str_clip(image->kernel.name, sizeof(image->kernel.name), "linux");
	str_clip(image->kernel.path, sizeof(image->kernel.path), "g/linux");
	if (hosttab_add_menu_image(t, image, &err) < 0)
		abort();
	/* Refused, whatever else it is. */
	str_clip(image->name, sizeof(image->name), "wipe");
	str_clip(image->kind, sizeof(image->kind), "reinstall");
	str_clip(image->kernel.path, sizeof(image->kernel.path), "w/linux");
	if (hosttab_add_menu_image(t, image, &err) == 0)
		abort();
	free(image);
	free(menu);
}

static struct hosttab *
make_table(bool consumed)
{
	struct hosttab *t = hosttab_new();
	struct bundle_host *h = str_alloc(sizeof(*h));
	struct bootd_msg_boot *b = str_alloc(sizeof(*b));
	struct error err;

	str_clip(h->name, sizeof(h->name), "edge01");
	h->n_nics = 1;
	h->nics[0].mac = (struct addr_mac){{0x52, 0x54, 0, 0, 0, 1}};
	str_clip(b->ticket, sizeof(b->ticket), "0tkt000000000001");
	str_clip(b->token, sizeof(b->token), TOKEN);
	str_clip(b->script, sizeof(b->script), "script.ipxe-52:54:00:00:00:01");
	b->consumed = consumed;
	b->n_payloads = 2;
	str_clip(b->payloads[0].name, sizeof(b->payloads[0].name), "vmlinuz");
	str_clip(b->payloads[0].path, sizeof(b->payloads[0].path), "d/vmlinuz");
	str_clip(b->payloads[1].name, sizeof(b->payloads[1].name), "root");
	str_clip(b->payloads[1].path, sizeof(b->payloads[1].path), "d/root");
	b->payloads[1].kind = BOOTD_PAYLOAD_FILE;
	if (hosttab_put(t, h, b, &err) < 0)
		abort();
	add_menu(t);
	free(h);
	free(b);
	return t;
}

static bool
stays_below(const char *file)
{
	char framed[300];

	snprintf(framed, sizeof(framed), "/%s/", file);
	return file[0] != '/' && strstr(framed, "/../") == NULL;
}

static void
check(const struct policy_http *p, const char *path, bool consumed)
{
	assert(p->reason[0] != '\0');
	assert(strstr(p->reason, TOKEN) == NULL);
	assert(stays_below(p->file));
	if (p->what == POLICY_PATH_PAYLOAD) {
		assert(strncmp(path, "/b/" TOKEN "/", 30) == 0);
		assert(!consumed || p->payload == 1);
	}
	assert(strncmp(p->file, "w/", 2) != 0 || p->what != POLICY_PATH_IMAGE);
	if (p->what == POLICY_PATH_IMAGE)
		assert(strcmp(path, "/m/grml/linux") == 0);
	if (p->what == POLICY_PATH_SCRIPT)
		assert(!consumed);
	if (p->what == POLICY_PATH_REPORT)
		assert(strncmp(path, "/report/" TOKEN "/", 35) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bootd_config *cfg;
	char *path;

	if (size > 4096)
		return 0;
	cfg = calloc(1, sizeof(*cfg));
	path = calloc(1, size + 1);
	if (!cfg || !path)
		abort();
	memcpy(path, data, size);
	for (int consumed = 0; consumed < 2; consumed++) {
		struct hosttab *t = make_table(consumed);
		struct policy_http p;

		policy_http(t, cfg, path, &p);
		check(&p, path, consumed);
		hosttab_free(t);
	}
	free(path);
	free(cfg);
	return 0;
}
