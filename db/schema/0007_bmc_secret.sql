-- SPDX-License-Identifier: GPL-3.0-or-later
-- Keys of BMCs, and passwords that are being changed.

-- Sealed, 40 hexadecimal digits; NULL: the BMC has none.
ALTER TABLE bmc ADD COLUMN kg TEXT;
-- 17: no other cipher suite; 0: the site's rule does not hold here; NULL: the site's.
ALTER TABLE bmc ADD COLUMN require_cipher INTEGER;
ALTER TABLE site ADD COLUMN require_cipher INTEGER NOT NULL DEFAULT 0;

-- Sealed as `password` is, and stored before the BMC is told of it: until one of both is proven, either may be the BMC's.
ALTER TABLE bmc ADD COLUMN password_next TEXT;
ALTER TABLE bmc ADD COLUMN next_at BIGINT;
-- How often an agent was sent to set or find it.
ALTER TABLE bmc ADD COLUMN next_runs INTEGER NOT NULL DEFAULT 0;
