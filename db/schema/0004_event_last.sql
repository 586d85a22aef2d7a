-- SPDX-License-Identifier: GPL-3.0-or-later
-- The last event of a kind at each site, for what doctor asks of them all. Only kinds that are few: the list is that of
-- EVENT_LAST_AT_SITES in db_event.c, word for word, or the index is not used.

CREATE INDEX event_last ON event (kind, site, seq) WHERE kind IN
	('bootd.check', 'bootd.down', 'bootd.up', 'dhcp4.foreign', 'nfs.missing', 'nfs.seen',
	'nfs.unchecked');
