/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vendors' table.
 *
 * A row holds for a manufacturer, a range of products and a range of firmware; of several that match,
 * a later one wins, so the special ones stand below the general ones. Manufacturer and product are what Get
 * Device ID says; where a source names a board, its product number is FreeIPMI's (ipmi-product-id-spec.h
 * of 1.6.10), which is why boards without a number there have no row. A fact without a source has no
 * row either; most current BMCs need none.
 *
 * Entry points: bmc_vendors_rows, bmc_vendors_matches(), bmc_vendors_name(). Nothing can fail.
 */
#include "agent/bmc_vendors.h"

#define ANY 0, 0xFFFF
#define ONLY(product) (product), (product)
#define SET1(a, va) {{(a), (va)}}, 1
#define SET2(a, va, b, vb) {{(a), (va)}, {(b), (vb)}}, 2
#define UP_TO(major, minor_bcd) 0, (major) << 8 | (minor_bcd)
#define FLAGS(bits) SET1(BMC_MANNER_WORKAROUNDS, (bits))

enum {
	HP = 11,
	INTEL = 343,
	DELL = 674,
	CISCO = 5771,
	MAGNUM = 5593,
	QUANTA = 7244,
	SUPERMICRO = 10876,
	INVENTEC = 20569,
	WIWYNN = 40092,
	IBM_PLATFORM = 42817,
	/* Some Supermicro boards say that they are of 47488 (FreeIPMI: IPMI_IANA_ENTERPRISE_ID_
	 * SUPERMICRO_WORKAROUND; ipmitool: IPMI_OEM_SUPERMICRO_47488). */
	SUPERMICRO_47488 = 47488,
	/* FreeIPMI, ipmi-product-id-spec.h */
	INTEL_S5500WB = 62,
	INTEL_QSSC_S4R = 64,
	INTEL_S2600JF = 77,
	WINDMILL = 2818,
	INVENTEC_5441 = 51,
	X8DT = 43707,
	X8SIL_F = 1541,
	X9SCM_IIF = 1600,
	X9DRI_F = 1576,
};

#define MAN                                                               \
	"FreeIPMI 1.6.10, ipmipower(8) and ipmiconsole(8), WORKAROUNDS; " \
	"ipmi-product-id-spec.h"

#define X8DT_FLAGS                                                          \
	(BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_INTEGRITYCHECKVALUE | \
	    BMC_WORKAROUND_SOLPAYLOADSIZE | BMC_WORKAROUND_SOLPORT)
#define WINDMILL_FLAGS                                                \
	(BMC_WORKAROUND_IPMIPING | BMC_WORKAROUND_SOLCHANNELSUPPORT | \
	    BMC_WORKAROUND_SERIALALERTSDEFERRED | BMC_WORKAROUND_SOLPACKETSEQ)

/* For a disk under UEFI, Supermicro's BMCs want 24h ("remote hard drive" of table 28-14) instead of
 * 08h. */
#define SMC_DISK "ironic, IPMI driver, \"Vendor Differences\"; Supermicro FAQ 25559"

#define OPENBMC                                                            \
	"phosphor-host-ipmid 0021f849, chassishandler.cpp; openbmc issue " \
	"2947"

const struct bmc_vendors_row bmc_vendors_rows[] = {
    {SUPERMICRO, ANY, ANY, "Supermicro", SMC_DISK, SET1(BMC_MANNER_DISK_SELECTOR, 0x24)},
    {SUPERMICRO_47488, ANY, ANY, "Supermicro", SMC_DISK,
	SET1(BMC_MANNER_DISK_SELECTOR, 0x24)},
    {SUPERMICRO, ONLY(X8DT), ANY, "Supermicro X8DTH, X8DTG, X8DTU", MAN,
	FLAGS(X8DT_FLAGS)},
    {SUPERMICRO_47488, ONLY(X8DT), ANY, "Supermicro X8DTH, X8DTG, X8DTU", MAN,
	FLAGS(X8DT_FLAGS)},
    {MAGNUM, ONLY(X8DT), ANY, "Supermicro X8DTH, X8DTG, X8DTU", MAN, FLAGS(X8DT_FLAGS)},
    {SUPERMICRO, ONLY(X8SIL_F), ANY, "Supermicro X8SIL-F", MAN,
	FLAGS(BMC_WORKAROUND_SOLSTATUS)},
    {SUPERMICRO, ONLY(X9SCM_IIF), ANY, "Supermicro X9SCM-iiF", MAN,
	FLAGS(BMC_WORKAROUND_NOCHECKSUMCHECK)},
    {SUPERMICRO, ONLY(X9DRI_F), ANY, "Supermicro X9DRi-F", MAN,
	FLAGS(BMC_WORKAROUND_NOCHECKSUMCHECK)},
    /* Cisco's IMC holds four sessions, a lost Close Session costs one for 60 s. */
    {CISCO, ANY, ANY, "Cisco IMC", "ipmitool issue 213",
	SET1(BMC_MANNER_SESSION_LIMIT, 4)},
    /* Flags were lost to the 60 s of parameter 3 on PowerEdge, and kept with 08h. */
    {DELL, ANY, ANY, "Dell", "xcat-core pull request 7460",
	SET1(BMC_MANNER_PARAMETER_3, BMC_PARAMETER_3_08)},
    {INTEL, ONLY(INTEL_S5500WB), ANY, "Intel S5500WB", MAN,
	FLAGS(BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_INTEGRITYCHECKVALUE)},
    {INTEL, ONLY(INTEL_S2600JF), ANY, "Intel S2600JF", MAN,
	FLAGS(BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_INTEGRITYCHECKVALUE)},
    {INTEL, ONLY(INTEL_QSSC_S4R), ANY, "Quanta QSSC-S4R", MAN,
	FLAGS(BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_SOLPAYLOADSIZE)},
    {INTEL, ONLY(WINDMILL), ANY, "Intel Windmill", MAN, FLAGS(WINDMILL_FLAGS)},
    {QUANTA, ONLY(WINDMILL), ANY, "Quanta Winterfell", MAN, FLAGS(WINDMILL_FLAGS)},
    {WIWYNN, ONLY(WINDMILL), ANY, "Wiwynn Windmill", MAN, FLAGS(WINDMILL_FLAGS)},
    {INVENTEC, ONLY(INVENTEC_5441), ANY, "Inventec 5441, Dell Xanadu II", MAN,
	FLAGS(BMC_WORKAROUND_OPENSESSPRIV | BMC_WORKAROUND_SOLPAYLOADSIZE)},
    /* Parameter 3 is answered "not supported"; of the boot flags one-time and device come back, EFI does
     * not. Later releases are another program there. */
    {IBM_PLATFORM, ANY, UP_TO(2, 0x06), "OpenBMC of OpenPOWER machines", OPENBMC,
	SET2(BMC_MANNER_PARAMETER_3, BMC_PARAMETER_3_SKIP, BMC_MANNER_VERIFY,
	    BMC_VERIFY_DEVICE)},
};
const size_t bmc_vendors_n_rows = ARRAY_SIZE(bmc_vendors_rows);

/* IANA, Private Enterprise Numbers. OpenBMC has none of its own: it says what its board's maker set
 * (Witherspoon 42817: openbmc issue 2947). */
static const struct {
	uint32_t manufacturer;
	const char *name;
} names[] = {
    {2, "IBM"},
    {HP, "Hewlett-Packard"},
    {42, "Sun Microsystems"},
    {INTEL, "Intel"},
    {DELL, "Dell"},
    {2623, "ASUS"},
    {MAGNUM, "Magnum Technologies"},
    {CISCO, "Cisco"},
    {6653, "Tyan"},
    {QUANTA, "Quanta"},
    {10368, "Fujitsu"},
    {SUPERMICRO, "Supermicro"},
    {15370, "Gigabyte"},
    {19046, "Lenovo"},
    {20301, "IBM eServer X"},
    {INVENTEC, "Inventec"},
    {20974, "American Megatrends"},
    {37945, "Inspur"},
    {WIWYNN, "Wiwynn"},
    {40981, "Facebook"},
    {IBM_PLATFORM, "IBM Platform Firmware"},
    {47196, "Hewlett Packard Enterprise"},
    {SUPERMICRO_47488, "Supermicro"},
    {49622, "ASRock Rack"},
    {49769, "YADRO"},
    {52538, "Ampere"},
};

bool
bmc_vendors_matches(const struct bmc_vendors_row *row, const struct bmc_device *dev)
{
	uint16_t firmware = (uint16_t)(dev->fw_major << 8 | dev->fw_minor);

	return dev->known && dev->manufacturer == row->manufacturer &&
	       dev->product >= row->product_first && dev->product <= row->product_last &&
	       firmware >= row->firmware_first && firmware <= row->firmware_last;
}

const char *
bmc_vendors_name(uint32_t manufacturer)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].manufacturer == manufacturer)
			return names[i].name;
	return NULL;
}
