/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of tftpd-hpa 5.2 with --verbose.
 *
 * Entry point: logline_tftpd_parse().
 * Ownership: nothing is kept.
 * Failure modes: a line that is not understood says nothing. Requests are logged, ends are not: that a
 * loader arrived is shown by what comes after it. The size probe of UEFI firmware is a request like any other here.
 *
 *	RRQ from 10.77.0.100 filename snponly.efi
 *	sending NAK (1, File not found) to 10.77.0.100
 */
#include "agent/logline_priv.h"

bool
logline_tftpd_parse(struct logline_text t, struct logline *ret)
{
	struct logline_text name;

	logline_syslog(&t, ret);
	if (logline_skip(&t, "RRQ from ")) {
		if (logline_ip(&t, &ret->ip) < 0 || !logline_skip(&t, "filename "))
			return false;
		/* "filename asked remapped to served" */
		name = t;
		if (logline_skip_past(&name, " remapped to "))
			t = name;
		logline_rest(&t, ret->file, sizeof(ret->file));
		ret->what = LOGLINE_TFTP_BEGIN;
		return ret->file[0] != '\0';
	}
	if (!logline_skip(&t, "sending NAK "))
		return false;
	logline_rest(&t, ret->reason, sizeof(ret->reason));
	if (!logline_skip_past(&t, ") to ") || logline_ip(&t, &ret->ip) < 0)
		return false;
	ret->what = LOGLINE_TFTP_ERROR;
	return true;
}
