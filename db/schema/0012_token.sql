-- SPDX-License-Identifier: GPL-3.0-or-later
-- (to be written)

DROP TABLE IF EXISTS placeholder;
