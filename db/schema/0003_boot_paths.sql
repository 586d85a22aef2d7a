-- SPDX-License-Identifier: GPL-3.0-or-later
-- IPv6, loaders of sites and hosts, the site's menu, texts made per job, and NFS roots.

-- NULL: an IPv4 subnet.
ALTER TABLE subnet ADD COLUMN ra TEXT;
ALTER TABLE subnet ADD COLUMN router_s BIGINT NOT NULL DEFAULT 0;
ALTER TABLE subnet ADD COLUMN mtu INTEGER NOT NULL DEFAULT 0;

ALTER TABLE nic ADD COLUMN ip6 TEXT;
UPDATE nic SET ip6 = ip, ip = NULL WHERE ip LIKE '%:%';
CREATE UNIQUE INDEX nic_ip6 ON nic (site, ip6) WHERE ip6 IS NOT NULL;

-- JSON objects, architecture to file; NULL: none.
ALTER TABLE site ADD COLUMN loaders TEXT;
ALTER TABLE host ADD COLUMN loaders TEXT;
-- JSON object; NULL: the menu as it is without one.
ALTER TABLE site ADD COLUMN menu TEXT;

ALTER TABLE image ADD COLUMN nfs_root TEXT;
ALTER TABLE image_file ADD COLUMN template BOOLEAN NOT NULL DEFAULT FALSE;
