/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tickets without an agent.
 *
 * An order of bootd.yaml ("boot this image once") becomes a ticket with a token and a
 * script. Its consumption is written to `consumed` in the state directory and synced
 * before the last chunk may go: one line per host, with a digest of its `order` text, so
 * that neither a restart nor a corrected kernel or argument arms it again; another text
 * does. The sync blocks the loop for some milliseconds, once per installation; alone,
 * that is accepted.
 *
 * Answers are given from standalone_run(), never from inside the question, as consumer.h
 * demands.
 *
 * Ownership: the questions waiting; table, configuration and descriptors are borrowed.
 * Failure modes: a missing image file or an unwritable directory refuses the start; a
 * consumption that cannot be written is answered with no. */
#include "boot-services/standalone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "boot-services/consumer_priv.h"
#include "boot-services/fileroot.h"
#include "lib/digest.h"
#include "lib/id.h"
#include "lib/str.h"

enum { LIST_MAX = 4 * 1024 * 1024 };

struct question {
	uint64_t req;
	bool report;
	char host[BUNDLE_NAME_SIZE];
	char ticket[ID_SIZE];
	char token[ID_TOKEN_SIZE];
	char stage[16];
	char note[1024];
	char ip[ADDR_IP_TEXT];
	consumer_answer *answer;
	void *arg;
	struct question *prev, *next;
};

struct standalone {
	struct consumer consumer;
	struct standalone_deps deps;
	int list_fd; /* state/consumed */
	char *list;  /* its text when it was opened; may have zeros in it after a crash */
	size_t list_len;
	bool torn; /* its last line was not written whole */
	struct question *questions;
	uint64_t last_req;
};

static void
list_line(const struct standalone *s, const char *host, char *line, size_t size)
{
	const struct bootd_config *cfg = s->deps.cfg;
	char hex[DIGEST_TEXT] = "";

	for (size_t i = 0; i < cfg->n_boots; i++)
		if (str_eq(cfg->site.hosts[cfg->boots[i].host].name, host))
			digest_sha256(
			    cfg->boots[i].order, strlen(cfg->boots[i].order), hex);
	snprintf(line, size, "%s %s\n", host, hex);
}

static bool
consumed_before(const struct standalone *s, const char *host)
{
	char line[BUNDLE_NAME_SIZE + DIGEST_TEXT + 2];
	const char *at = s->list, *end = s->list + s->list_len;

	list_line(s, host, line, sizeof(line));
	while ((at = memmem(at, (size_t)(end - at), line, strlen(line))) != NULL) {
		if (at == s->list || at[-1] == '\n')
			return true;
		at++;
	}
	return false;
}

/* A new file survives a power failure only when its folder has been synced too. */
static int
sync_dir(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 || fsync(fd) < 0 ? -1 : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int
open_list(struct standalone *s, struct error *err)
{
	struct stat st;
	ssize_t n;

	s->list_fd = openat(s->deps.state_fd, "consumed",
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->list_fd < 0 || fstat(s->list_fd, &st) < 0 ||
	    sync_dir(s->deps.state_fd) < 0)
		goto fail;
	/* Two processes with one list would both arm its orders. */
	if (flock(s->list_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, -EBUSY, "state-busy",
		    "stop the other netboot-bootd, or give this one its own dirs.state",
		    "another process holds %s/consumed", s->deps.cfg->state_dir);
	if (st.st_size > LIST_MAX)
		return error_set(err, -EFBIG, "state",
		    "keep the last line of each host that still has that order",
		    "%s/consumed is larger than %d octets", s->deps.cfg->state_dir,
		    LIST_MAX);
	if (s->deps.uid != (uid_t)-1 && fchown(s->list_fd, s->deps.uid, s->deps.gid) < 0)
		goto fail;
	s->list = str_alloc((size_t)st.st_size + 1);
	n = pread(s->list_fd, s->list, (size_t)st.st_size, 0);
	/* Half a list would arm again what stands in the other half. */
	if (n >= 0 && n < st.st_size)
		errno = EIO;
	if (n < st.st_size)
		goto fail;
	s->list_len = (size_t)n;
	s->torn = n > 0 && s->list[n - 1] != '\n';
	return 0;
fail:
	return error_set(err, -errno, "state", "make dirs.state writable for this user",
	    "%s/consumed: %s", s->deps.cfg->state_dir, strerror(errno));
}

/* The first NIC that may boot names the script. */
static const struct addr_mac *
boot_mac(const struct bundle_host *h)
{
	for (size_t i = 0; i < h->n_nics; i++)
		if (h->nics[i].boot)
			return &h->nics[i].mac;
	return &h->nics[0].mac;
}

static int
add_payload(struct standalone *s, const char *host, const char *path, const char *name,
    enum bootd_msg_payload_kind kind, struct bootd_msg_boot *boot, struct error *err)
{
	struct bootd_msg_payload *p = &boot->payloads[boot->n_payloads];
	struct fileroot_file file;
	int r;

	r = fileroot_open(s->deps.images_fd, path, &file);
	if (r < 0)
		return error_set(err, r, "image-missing",
		    "put the file there or correct hosts[].boot",
		    "host %s: image file %s/%s: %s", host, s->deps.cfg->images_root, path,
		    fileroot_why(r));
	close(file.fd);
	str_clip(p->name, sizeof(p->name), name);
	str_clip(p->path, sizeof(p->path), path);
	p->size = file.size;
	p->kind = kind;
	boot->n_payloads++;
	return 0;
}

static int
make_boot(struct standalone *s, const struct bundle_host *h,
    const struct bootd_config_boot *b, int64_t now, struct bootd_msg_boot *boot,
    struct error *err)
{
	char name[32], mac[ADDR_MAC_TEXT];
	int r;

	id_make(now, s->deps.rng, boot->ticket);
	id_make(now, s->deps.rng, boot->boot);
	id_token(s->deps.rng, boot->token);
	snprintf(boot->script, sizeof(boot->script), "script.ipxe-%s",
	    addr_mac_text(boot_mac(h), mac, sizeof(mac)));
	r = add_payload(s, h->name, b->kernel, "kernel", BOOTD_PAYLOAD_KERNEL, boot, err);
	for (size_t i = 0; i < b->n_initrds && r == 0; i++) {
		snprintf(name, sizeof(name), "initrd%zu", i);
		r = add_payload(
		    s, h->name, b->initrds[i], name, BOOTD_PAYLOAD_INITRD, boot, err);
	}
	boot->consumed = consumed_before(s, h->name);
	return r;
}

/* "${report}" in the arguments becomes the URL that reports go to; everything else is
 * iPXE's. */
static void
print_args(FILE *f, const struct bootd_config *cfg, const char *args, const char *token)
{
	static const char mark[] = "${report}";
	const char *at;

	while ((at = strstr(args, mark)) != NULL) {
		fprintf(f, "%.*shttp://${next-server}:%u/report/%s", (int)(at - args),
		    args, cfg->http_port, token);
		args = at + sizeof(mark) - 1;
	}
	fputs(args, f);
}

/* Relative URLs: iPXE resolves them against the script's own, so the script need not know
 * under which address the client reached it. The initrd= arguments are for the kernel's
 * EFI stub. */
static char *
script_text(const struct bootd_config *cfg, const struct bootd_config_boot *b,
    const struct bootd_msg_boot *boot)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	fprintf(f, "#!ipxe\nkernel /b/%s/kernel", boot->token);
	for (size_t i = 0; i < b->n_initrds; i++)
		fprintf(f, " initrd=initrd%zu", i);
	fputc(' ', f);
	print_args(f, cfg, b->args, boot->token);
	fputs(" || exit 1\n", f);
	for (size_t i = 0; i < b->n_initrds; i++)
		fprintf(f, "initrd /b/%s/initrd%zu || exit 1\n", boot->token, i);
	fputs("boot || exit 1\n", f);
	fclose(f);
	return text;
}

static int
write_file(int dirfd, const char *name, const char *text)
{
	size_t len = strlen(text);
	char tmp[96];
	ssize_t n;
	int fd, r = 0;

	snprintf(tmp, sizeof(tmp), ".%s.tmp", name);
	fd = openat(
	    dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n != (ssize_t)len || fchmod(fd, 0644) < 0)
		r = n >= 0 && n < (ssize_t)len ? -ENOSPC : -errno;
	close(fd);
	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	return r;
}

static int
arm(struct standalone *s, const struct bootd_config_boot *b, int64_t now,
    struct bootd_msg_boot *boot, struct error *err)
{
	const struct bundle_host *h = &s->deps.cfg->site.hosts[b->host];
	char *text;
	int r;

	r = make_boot(s, h, b, now, boot, err);
	if (r < 0 || boot->consumed)
		return r;
	text = script_text(s->deps.cfg, b, boot);
	r = write_file(s->deps.scripts_fd, boot->script, text);
	free(text);
	if (r < 0)
		return error_set(err, r, "script", "make dirs.scripts writable",
		    "host %s: %s/%s: %s", h->name, s->deps.cfg->scripts_root,
		    boot->script, strerror(-r));
	return 0;
}

static int
fill_table(struct standalone *s, int64_t now, struct error *err)
{
	const struct bootd_config *cfg = s->deps.cfg;
	struct bootd_msg_boot *boot = str_alloc(sizeof(*boot));
	size_t next = 0; /* boots are in the order of their hosts */
	int r = 0;

	hosttab_set_site(s->deps.table, &cfg->site);
	for (size_t i = 0; i < cfg->site.n_hosts && r == 0; i++) {
		const struct bundle_host *h = &cfg->site.hosts[i];
		bool ordered = next < cfg->n_boots && cfg->boots[next].host == i;

		memset(boot, 0, sizeof(*boot));
		if (ordered)
			r = arm(s, &cfg->boots[next++], now, boot, err);
		if (r < 0)
			break;
		if (boot->consumed)
			log_info(s->deps.log,
			    "host %s: its order was carried out before; another 'order' "
			    "text makes a new one",
			    h->name);
		r = hosttab_put(s->deps.table, h, boot->consumed ? NULL : boot, err);
	}
	free(boot);
	return r;
}

static uint64_t
add_question(struct standalone *s, struct question *q, consumer_answer *answer, void *arg)
{
	q->req = ++s->last_req;
	q->answer = answer;
	q->arg = arg;
	DL_APPEND(s->questions, q);
	s->deps.wake(s->deps.arg);
	return q->req;
}

static uint64_t
ask_consume(struct consumer *c, const struct hosttab_entry *host, const char *mac UNUSED,
    const char *ip, const char *file UNUSED, consumer_answer *answer, void *arg)
{
	struct question *q = str_alloc(sizeof(*q));

	str_clip(q->host, sizeof(q->host), host->host.name);
	str_clip(q->ticket, sizeof(q->ticket), host->boot.ticket);
	str_clip(q->ip, sizeof(q->ip), ip);
	return add_question((struct standalone *)c, q, answer, arg);
}

static uint64_t
ask_report(struct consumer *c, const char *token, const char *stage, const char *note,
    const char *ip, consumer_answer *answer, void *arg)
{
	struct question *q = str_alloc(sizeof(*q));

	q->report = true;
	str_clip(q->token, sizeof(q->token), token);
	str_clip(q->stage, sizeof(q->stage), stage);
	str_escape(q->note, sizeof(q->note), note, strlen(note));
	str_clip(q->ip, sizeof(q->ip), ip);
	return add_question((struct standalone *)c, q, answer, arg);
}

static void
cancel(struct consumer *c, uint64_t req)
{
	struct standalone *s = (struct standalone *)c;
	struct question *q, *tmp;

	DL_FOREACH_SAFE(s->questions, q, tmp)
	{
		if (q->req != req)
			continue;
		DL_DELETE(s->questions, q);
		free(q);
	}
}

static int
write_consumed(struct standalone *s, const char *host)
{
	char line[BUNDLE_NAME_SIZE + DIGEST_TEXT + 2];
	ssize_t n;

	list_line(s, host, line, sizeof(line));
	/* A whole line must not join one that a crash or a full disk has torn. */
	if (s->torn && write(s->list_fd, "\n", 1) != 1)
		return -errno;
	n = write(s->list_fd, line, strlen(line));
	s->torn = n >= 0 && n != (ssize_t)strlen(line);
	if (n < 0 || s->torn)
		return n < 0 ? -errno : -ENOSPC;
	return fdatasync(s->list_fd) < 0 ? -errno : 0;
}

static void
answer_consume(struct standalone *s, const struct question *q, int64_t now)
{
	struct hosttab_entry *h = hosttab_by_name(s->deps.table, q->host);
	struct event ev;
	char why[512];
	int r;

	if (!h || !str_eq(h->boot.ticket, q->ticket) || h->boot.consumed) {
		q->answer(q->arg, false, "the ticket is consumed or gone");
		return;
	}
	r = write_consumed(s, q->host);
	if (r < 0) {
		snprintf(why, sizeof(why), "%s/consumed: %s", s->deps.cfg->state_dir,
		    strerror(-r));
		log_error(s->deps.log, "host %s: the consumption is not recorded: %s",
		    q->host, why);
		q->answer(q->arg, false, why);
		return;
	}
	h->boot.consumed = true;
	ev = event_make("bootd.consumed", now);
	str_clip(ev.host, sizeof(ev.host), q->host);
	str_clip(ev.ip, sizeof(ev.ip), q->ip);
	evsink_emit(*s->deps.events, &ev);
	q->answer(q->arg, true, "");
}

static void
answer_report(struct standalone *s, const struct question *q, int64_t now)
{
	struct hosttab_entry *h = hosttab_by_token(s->deps.table, q->token);
	char kind[EVENT_KIND_SIZE];
	struct event ev;

	if (!h) {
		q->answer(q->arg, false, "unknown or closed token");
		return;
	}
	snprintf(kind, sizeof(kind), "report.%s", q->stage);
	ev = event_make(kind, now);
	str_clip(ev.host, sizeof(ev.host), h->host.name);
	str_clip(ev.ip, sizeof(ev.ip), q->ip);
	if (q->note[0])
		event_put(&ev, "note", q->note);
	evsink_emit(*s->deps.events, &ev);
	q->answer(q->arg, true, "");
}

void
standalone_run(struct standalone *s, int64_t now)
{
	struct question *q;

	/* An answer may cancel other questions or ask new ones: always take the first. */
	while ((q = s->questions) != NULL) {
		DL_DELETE(s->questions, q);
		if (q->report)
			answer_report(s, q, now);
		else
			answer_consume(s, q, now);
		free(q);
	}
}

struct standalone *
standalone_open(const struct standalone_deps *deps, int64_t now, struct error *err)
{
	struct standalone *s = str_alloc(sizeof(*s));

	s->consumer =
	    (struct consumer){.ask = ask_consume, .report = ask_report, .cancel = cancel};
	s->deps = *deps;
	s->list_fd = -1;
	if (deps->cfg->n_boots > 0 && open_list(s, err) < 0)
		goto fail;
	if (fill_table(s, now, err) < 0)
		goto fail;
	return s;
fail:
	standalone_close(s);
	return NULL;
}

void
standalone_close(struct standalone *s)
{
	struct question *q, *tmp;

	if (!s)
		return;
	DL_FOREACH_SAFE(s->questions, q, tmp)
	{
		DL_DELETE(s->questions, q);
		free(q);
	}
	if (s->list_fd >= 0)
		close(s->list_fd);
	free(s->list);
	free(s);
}

struct consumer *
standalone_consumer(struct standalone *s)
{
	return &s->consumer;
}
