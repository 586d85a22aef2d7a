/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one machine, and all unknown machines together, may cost: token buckets. Pure. */
#ifndef BOOT_SERVICES_DHCP4_LIMIT_H
#define BOOT_SERVICES_DHCP4_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "boot-services/dhcp4_class.h"

enum {
	DHCP4_LIMIT_BURST = 30,	       /* packets of one machine at once */
	DHCP4_LIMIT_RATE = 10,	       /* … and a second */
	DHCP4_LIMIT_EVENT_BURST = 300, /* events about machines that no table knows */
	DHCP4_LIMIT_EVENT_RATE = 50,
	DHCP4_LIMIT_FOREIGN_S = 600, /* one event in so long for each foreign server */
};

struct dhcp4_limit;

struct dhcp4_limit *
dhcp4_limit_new(uint64_t seed);
void
dhcp4_limit_free(struct dhcp4_limit *l);

enum dhcp4_limit_answer {
	DHCP4_LIMIT_PASS,
	DHCP4_LIMIT_FIRST_DROP, /* worth an event: the machine has just used up its share
				 */
	DHCP4_LIMIT_DROP,
};
enum dhcp4_limit_answer
dhcp4_limit_packet(struct dhcp4_limit *l, const struct dhcp4_class_key *key, int64_t now);

/* May an event about an unknown machine go out? *ret_suppressed: how many did not since
 * the last one that did. */
bool
dhcp4_limit_event(struct dhcp4_limit *l, int64_t now, uint64_t *ret_suppressed);
/* May an event about this foreign server go out? */
bool
dhcp4_limit_foreign(struct dhcp4_limit *l, uint32_t server, int64_t now);
/* The next event about each of them may go out. */
void
dhcp4_limit_forget_foreign(struct dhcp4_limit *l);

#endif
