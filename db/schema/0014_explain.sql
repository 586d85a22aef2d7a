-- SPDX-License-Identifier: GPL-3.0-or-later
-- What the agent said a job ended with, where the verdict that was found in the events says more. NULL: nothing else was
-- found, and the verdict is the agent's own.

ALTER TABLE job ADD COLUMN agent_code TEXT;
ALTER TABLE job ADD COLUMN agent_text TEXT;
