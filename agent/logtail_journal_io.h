/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A unit's messages from the systemd journal; the door of sd-journal.h. */
#ifndef AGENT_LOGTAIL_JOURNAL_IO_H
#define AGENT_LOGTAIL_JOURNAL_IO_H

#include "agent/logtail_io.h"

struct logtail_journal_io;

/* As logtail_io_new(); a mark is a cursor. A journal that cannot be opened is told and tried again. */
struct logtail_journal_io *
logtail_journal_io_new(const struct logtail_io_opts *opts);
void
logtail_journal_io_free(struct logtail_journal_io *j); /* NULL allowed */
void
logtail_journal_io_go_on(struct logtail_journal_io *j);

#endif
