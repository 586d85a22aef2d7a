/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of vendors' BMCs, as table rows with their sources. Pure. */
#ifndef AGENT_BMC_VENDORS_H
#define AGENT_BMC_VENDORS_H

#include "agent/bmc_manners.h"

enum { BMC_VENDORS_SET_MAX = 4 };

struct bmc_vendors_row {
	uint32_t manufacturer;		      /* IANA enterprise number */
	uint16_t product_first, product_last; /* 0 and FFFFh: any */
	/* Firmware revision, major << 8 | minor (BCD), likewise. */
	uint16_t firmware_first, firmware_last;
	const char *what;   /* for people */
	const char *source; /* where the fact is from */
	struct {
		enum bmc_manner which;
		int64_t value;
	} set[BMC_VENDORS_SET_MAX];
	unsigned n_set;
};

extern const struct bmc_vendors_row bmc_vendors_rows[];
extern const size_t bmc_vendors_n_rows;

bool
bmc_vendors_matches(const struct bmc_vendors_row *row, const struct bmc_device *dev);
/* IANA's name, shortened, or NULL. */
const char *
bmc_vendors_name(uint32_t manufacturer);

#endif
