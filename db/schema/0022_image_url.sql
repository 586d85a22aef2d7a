-- SPDX-License-Identifier: GPL-3.0-or-later
-- Servers upstream that have an image's file, too.

-- NULL: sites have it from the orchestrator.
ALTER TABLE image_file ADD COLUMN url TEXT;
