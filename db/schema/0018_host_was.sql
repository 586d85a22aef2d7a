-- SPDX-License-Identifier: GPL-3.0-or-later
-- Where hosts were before they were moved or removed, and until when: news of that time may still be on their way from the
-- agent of that site, days later, and are its own.
CREATE TABLE host_was (
	host TEXT NOT NULL,
	site TEXT NOT NULL,
	until BIGINT NOT NULL,
	PRIMARY KEY (host, site)
);
CREATE INDEX host_was_until ON host_was (until);
