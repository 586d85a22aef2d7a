-- SPDX-License-Identifier: GPL-3.0-or-later
-- Machines that asked the network and belong to no host, with what was seen of them. A MAC address at a site is a row;
-- how many there are is bounded (db_discovered.h).

CREATE TABLE discovered (
	mac TEXT NOT NULL,
	site TEXT NOT NULL,
	uuid TEXT,
	arch TEXT,
	vendor_class TEXT,
	hostname TEXT,
	ip TEXT,
	relay TEXT,
	circuit_id TEXT,
	remote_id TEXT,
	interface TEXT,
	duid TEXT,
	first_seen BIGINT NOT NULL,
	last_seen BIGINT NOT NULL,
	-- Requests that were told of: of a crowd of unknown machines not all are.
	seen BIGINT NOT NULL,
	PRIMARY KEY (mac, site)
);
CREATE INDEX discovered_site ON discovered (site, last_seen, mac);
CREATE INDEX discovered_last ON discovered (last_seen, mac, site);

-- Whoever gives a host this MAC address, on whichever way: it is known from then on.
CREATE TRIGGER discovered_known AFTER INSERT ON nic
BEGIN DELETE FROM discovered WHERE mac = NEW.mac; END;

-- A machine that boots from another card is known by this.
CREATE INDEX host_uuid ON host (uuid) WHERE uuid IS NOT NULL;
