/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hosts, subnets and tickets that bootd answers for. Built whole and swapped, or
 * changed host by host; looked up by MAC, name, token and address in constant time. Owns
 * its entries. */
#ifndef BOOT_SERVICES_HOSTTAB_H
#define BOOT_SERVICES_HOSTTAB_H

#include "lib/addr.h"
#include "lib/bootd_msg.h"
#include "lib/bundle.h"

struct hosttab;

/* What bootd needs of a host and its ticket, small enough for 100,000 of them: same
 * member names as bundle_host and bootd_msg_boot, without labels, and with arrays of
 * their true length. */
struct hosttab_host {
	char *name;
	struct addr_uuid uuid; /* all zero: not known */
	struct bundle_loader *loaders;
	size_t n_loaders;
	struct bundle_nic *nics;
	size_t n_nics;
	enum bundle_firmware firmware;
	enum bundle_idle idle;
	enum bundle_local_boot local_boot;
};

struct hosttab_boot {
	char ticket[ID_SIZE]; /* "": no ticket */
	char token[ID_TOKEN_SIZE];
	char job[ID_SIZE];
	char boot[ID_SIZE];
	bool consumed;
	char *script; /* file name below the scripts root */
	struct bootd_msg_payload *payloads;
	size_t n_payloads;
};

/* The way on which firmware came to the site's menu, and when the disk was chosen there (policy_way.c). Lost with the
 * table: then the menu is shown once more. */
struct hosttab_way {
	struct addr_mac mac;
	uint8_t class; /* enum policy_class; 0: it never came */
	uint8_t family;
	int64_t left_at; /* monotonic; 0: nothing was chosen since */
};

struct hosttab_entry {
	struct hosttab_host host;
	struct hosttab_boot boot;
	struct hosttab_way way;
	/* Bit i: payload i's last octet has been released once (ticket_gate.c). Goes with the
	 * ticket, like `consumed`: over replacements, absence, other host names, tables. */
	uint64_t released[2];
};

struct hosttab *
hosttab_new(void);
void
hosttab_free(struct hosttab *t);
/* Site-wide part: copies name, timezone, answer_unknown, idle, loaders and subnets; hosts and
 * the menu are ignored. */
void
hosttab_set_site(struct hosttab *t, const struct bundle_site *site);
const struct bundle_site *
hosttab_site(const struct hosttab *t);
int
hosttab_add_subnet(
    struct hosttab *t, const struct bundle_subnet *s, struct error *err) MUST_CHECK;
/* Both copy. An image that bundle_menu_allows() refuses is refused here too. */
void
hosttab_set_menu(struct hosttab *t, const struct bundle_menu *menu);
int
hosttab_add_menu_image(
    struct hosttab *t, const struct bundle_image *image, struct error *err) MUST_CHECK;
/* Another number when the menu is made from something else, over changes of hosts and hosttab_inherit(). */
uint64_t
hosttab_menu_version(const struct hosttab *t);
/* Inserts or replaces by name. -EEXIST when a MAC, fixed address, token or ticket belongs to
 * another host, or the ticket had other payloads before. */
int
hosttab_put(struct hosttab *t, const struct bundle_host *h,
    const struct bootd_msg_boot *boot, struct error *err) MUST_CHECK;
void
hosttab_del(struct hosttab *t, const char *name);
size_t
hosttab_count(const struct hosttab *t);
/* All hosts; `each` must not change the table. */
void
hosttab_each(const struct hosttab *t,
    void (*each)(void *arg, const struct hosttab_host *h), void *arg);
/* Moves what happened under each ticket from an old table, which is then only to be freed, into
 * a new one before the swap, also of tickets that the new one does not have. A ticket whose payloads are others in the
 * new one counts as consumed there. */
void
hosttab_inherit(struct hosttab *t, struct hosttab *old);
/* The agent has recorded the ticket as consumed, whichever host has it by now. */
void
hosttab_consume(struct hosttab *t, const char *ticket);

struct hosttab_entry *
hosttab_by_mac(const struct hosttab *t, const struct addr_mac *mac);
struct hosttab_entry *
hosttab_by_name(const struct hosttab *t, const char *name);
struct hosttab_entry *
hosttab_by_token(const struct hosttab *t, const char *token);
/* By SMBIOS UUID, in RFC 4122 order (addr_uuid_swap() of what firmware sends). NULL also when several hosts
 * have it: there are boards that all say the same. */
struct hosttab_entry *
hosttab_by_uuid(const struct hosttab *t, const struct addr_uuid *uuid);
/* By fixed address of a NIC, of either family. */
struct hosttab_entry *
hosttab_by_ip(const struct hosttab *t, const struct addr_ip *ip);
/* The subnet that holds ip (longest prefix), or NULL. */
const struct bundle_subnet *
hosttab_subnet(const struct hosttab *t, const struct addr_ip *ip);

#endif
