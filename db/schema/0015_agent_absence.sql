-- SPDX-License-Identifier: GPL-3.0-or-later
-- What was told last of a site's agent is found by site, and stays when events go: a restart tells of no silence twice. The list is
-- that of EVENT_LAST_AT_SITES in db_event.c, word for word, or the index is not used.

DROP INDEX event_last;
CREATE INDEX event_last ON event (kind, site, seq) WHERE kind IN
	('agent.absent', 'agent.back', 'bootd.check', 'bootd.down', 'bootd.up', 'dhcp4.foreign', 'nfs.missing',
	'nfs.seen', 'nfs.unchecked');

-- Those whose end was lost are looked for when the host's next one begins.
CREATE INDEX boot_open ON boot (host, seq) WHERE ended IS NULL AND cause <> 'power-off';
