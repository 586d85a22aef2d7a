-- SPDX-License-Identifier: GPL-3.0-or-later
-- What is known of how BMCs are to be treated.

-- JSON object of the host's owner; NULL: nothing said.
ALTER TABLE bmc ADD COLUMN manners TEXT;

-- TRUE: its credentials may be sent outside of the site's management prefixes.
ALTER TABLE bmc ADD COLUMN outside BOOLEAN NOT NULL DEFAULT FALSE;
-- These, parted by spaces; NULL: they are not known.
ALTER TABLE site ADD COLUMN bmc_prefixes TEXT;

-- What a probe found, with its evidence, and at which BMC: it does not hold of another one that was put in its place.
-- Apart from the inventory: probing a BMC changes nothing of that.
CREATE TABLE bmc_learned (
	host TEXT PRIMARY KEY REFERENCES host (name) ON DELETE CASCADE,
	address TEXT NOT NULL,
	port INTEGER NOT NULL,
	doc TEXT NOT NULL,
	at BIGINT NOT NULL
);
