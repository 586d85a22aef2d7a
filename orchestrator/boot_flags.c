// SPDX-License-Identifier: GPL-3.0-or-later
/* Flags of boots as they are raised: the row, and the event `boot.flag` that tells of it.
 *
 * Entry points: boot_flags_begin(), boot_flags_raise(), within the transaction of the event that says so. A flag that is
 * raised already is not told again, so that repeated reports tell of nothing twice. They own nothing.
 * Failure modes: those of db.h; a boot that is not recorded has no flags. */
#include "orchestrator/boot_flags.h"

#include <errno.h>

#include "db/db_event.h"
#include "lib/compiler.h"
#include "lib/str.h"

static int
read_flags(struct store *s, const char *boot, int64_t *ret)
{
	int rc = db_boot_flags(s, boot, ret);

	if (rc == -ENOENT)
		*ret = 0;
	return rc == -ENOENT ? 0 : rc;
}

static const char *
sentence(const char *flag)
{
	static const struct {
		const char *flag, *text;
	} texts[] = {
	    {"unordered", "it boots from the network, and nobody has ordered it"},
	    {"power-off-seen", "it was seen switched off, and nobody has ordered it"},
	    {"other-dhcp", "a second DHCP server has answered it"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (str_eq(texts[i].flag, flag))
			return texts[i].text;
	return "";
}

static int
tell(struct store *s, const struct event *of, const char *boot, int64_t flags)
{
	const char *word;
	unsigned i = 0;
	int rc = 0;

	while (rc == 0 && (word = db_boot_flag_next(flags, &i)) != NULL) {
		struct event ev = event_make("boot.flag", of->at);

		str_clip(ev.site, sizeof(ev.site), of->site);
		str_clip(ev.host, sizeof(ev.host), of->host);
		str_clip(ev.job, sizeof(ev.job), of->job);
		str_clip(ev.boot, sizeof(ev.boot), boot);
		event_put(&ev, "flag", word);
		event_put(&ev, "text", sentence(word));
		rc = db_event_add(s, &ev, NULL, 0, NULL);
		event_done(&ev);
	}
	return rc;
}

int
boot_flags_begin(struct store *s, const struct db_boot *boot)
{
	struct event of = event_make("boot.begin", boot->began);
	int64_t before = 0, after = 0;
	int rc = read_flags(s, boot->id, &before);

	str_clip(of.site, sizeof(of.site), boot->site);
	str_clip(of.host, sizeof(of.host), boot->host);
	str_clip(of.job, sizeof(of.job), boot->job);
	if (rc == 0)
		rc = db_boot_begin(s, boot);
	if (rc == 0)
		rc = read_flags(s, boot->id, &after);
	if (rc == 0)
		rc = tell(s, &of, boot->id, after & ~before);
	event_done(&of);
	return rc;
}

int
boot_flags_raise(struct store *s, const struct event *of, const char *boot, int64_t flags)
{
	int64_t before = 0, after = 0;
	int rc = read_flags(s, boot, &before);

	if (rc == 0)
		rc = db_boot_flag(s, boot, flags);
	if (rc == 0)
		rc = read_flags(s, boot, &after);
	return rc < 0 ? rc : tell(s, of, boot, after & ~before);
}
