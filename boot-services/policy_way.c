/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whoever chooses the disk in the menu comes to the disk.
 *
 * UEFI firmware leaves iPXE for its next boot option, and that is seldom the disk: PXE over IPv6, HTTP boot over IPv4 and IPv6,
 * and all of it again for each further NIC, each of which would load iPXE and show the menu anew. So what asks after
 * the choice on another way than the one that led to the menu is on the same boot still, and is led on to the disk by
 * the idle policy "local". What comes on that first way is a new boot.
 *
 * Entry points: policy_way_note(), policy_way_left(), policy_way_to_disk(). Ownership: the memory stands in the host's entry.
 * Pure. Failure modes: none; anybody on the link may claim the choice for another machine, which still gets the menu
 * first on its first way.
 */
#include "boot-services/policy_way.h"

#include "lib/clock.h"

/* Firmware that gets no answer on other NICs takes a minute for each of its options there. */
#define LEFT_FOR (10 * 60 * USEC_PER_SEC)

static bool
is_firmware(const struct policy_client *c)
{
	return c->class == POLICY_CLASS_PXE || c->class == POLICY_CLASS_HTTP;
}

void
policy_way_note(const struct hosttab *t, const struct policy_client *c,
    const struct policy_decision *d)
{
	bool loads = d->what == POLICY_TFTP_LOADER || d->what == POLICY_HTTP_LOADER;
	struct hosttab_entry *e =
	    d->menu && loads && is_firmware(c) ? hosttab_by_mac(t, &c->mac) : NULL;

	if (e == NULL)
		return;
	e->way = (struct hosttab_way){.mac = c->mac,
	    .class = (uint8_t)c->class,
	    .family = (uint8_t)c->server.family};
}

void
policy_way_left(struct hosttab_entry *e, int64_t now)
{
	e->way.left_at = now;
}

bool
policy_way_to_disk(const struct hosttab_entry *e, const struct policy_client *c)
{
	const struct hosttab_way *w = &e->way;

	if (!is_firmware(c) || w->class == POLICY_CLASS_OS || w->left_at == 0 ||
	    c->now - w->left_at > LEFT_FOR)
		return false;
	return w->class != (uint8_t)c->class || w->family != (uint8_t)c->server.family ||
	       !addr_mac_eq(&w->mac, &c->mac);
}
