/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a line of a console is a sign of. Pure. */
#ifndef LIB_STORY_CONSOLE_H
#define LIB_STORY_CONSOLE_H

#include "lib/story.h"

/* STORY_FACTS: of nothing. */
enum story_what
story_console_fact(const char *class, const char *line);

#endif
