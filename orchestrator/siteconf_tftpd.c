// SPDX-License-Identifier: GPL-3.0-or-later
/* /etc/default/tftpd-hpa.
 *
 * Entry point: siteconf_tftpd_write(). ":69" is both families. The block size is bounded as bootd's is, so that no
 * datagram is fragmented; -v writes each request to the log, which the agent reads. Pure; no failure modes.
 * Source: tftpd(8), the Debian package's init script. */
#include "orchestrator/siteconf_priv.h"

enum { BLKSIZE_MAX = 1468 };

void
siteconf_tftpd_write(const struct siteconf *c, struct siteconf_text *t)
{
	siteconf_boot_opening(c, t, "#", "/etc/default/tftpd-hpa");
	siteconf_text_add(t,
	    "TFTP_USERNAME=\"tftp\"\n"
	    "TFTP_DIRECTORY=\"%s\"\n"
	    "TFTP_ADDRESS=\":69\"\n"
	    "TFTP_OPTIONS=\"--secure --verbose --blocksize %d\"\n",
	    c->loaders_root, BLKSIZE_MAX);
}
