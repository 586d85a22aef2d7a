/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The serial port of the machine behind a simulated BMC. At its other end may be a socket
 * that waits for a connection (unix:, tcp:), a pseudo-terminal (pty:), a control connection
 * that was turned into it, or a text that is played each time the machine starts:
 *
 *     \r \n \t \e \\ \s (a space) \xHH   characters; a line end of a file is CR LF
 *     \wMS.                              waits MS milliseconds
 *     \L                                 again from the beginning
 *
 * As on a wire with hardware flow control, nothing is lost while SOL is active, and what comes
 * while it is not is gone. What is typed without anybody connected is kept for the control
 * socket, the last TYPED_MAX characters of it. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "lib/str.h"
#include "tests/fake/bmcsim_sim.h"

enum { PENDING_MAX = 65536, TYPED_MAX = 1024, FILE_MAX = 1 << 20 };
enum { FULL_MS = 20, LOOP_MS = 10, WAIT_MAX_MS = 86400000 };

struct bmcsim_port {
	struct bmcsim_node *node;
	struct evbuffer *pending; /* from the machine; NULL: nothing yet */
	struct evbuffer *typed;
	struct evconnlistener *listener;
	struct bufferevent *peer;
	char *link; /* path of a socket or of the pseudo-terminal, to be removed */
	int slave;  /* keeps the pseudo-terminal alive while nobody has it open; -1 */
	char *at_start, *now; /* texts; what plays is `now` */
	size_t at;
	struct event *timer;
};

static bool
is_full(const struct bmcsim_port *p)
{
	return p->pending != NULL && evbuffer_get_length(p->pending) >= PENDING_MAX;
}

static void
keep(struct bmcsim_port *p, const void *data, size_t n)
{
	if (!bmcsim_sol_active(&p->node->core))
		return;
	if (p->pending == NULL)
		p->pending = evbuffer_new();
	evbuffer_add(p->pending, data, n);
}

/* Reads on while there is room. */
static void
read_peer(struct bmcsim_port *p)
{
	struct evbuffer *in = bufferevent_get_input(p->peer);
	char chunk[4096];
	int n;

	while (!is_full(p) && (n = evbuffer_remove(in, chunk, sizeof chunk)) > 0)
		keep(p, chunk, (size_t)n);
}

static void
on_peer(struct bufferevent *bev, void *arg)
{
	struct bmcsim_port *p = arg;

	(void)bev;
	read_peer(p);
	bmcsim_node_pump(p->node);
}

static void
on_peer_gone(struct bufferevent *bev, short what, void *arg)
{
	struct bmcsim_port *p = arg;

	(void)what;
	read_peer(p);
	bufferevent_free(bev);
	p->peer = NULL;
	bmcsim_node_pump(p->node);
}

static void
connect_peer(struct bmcsim_port *p, struct bufferevent *bev)
{
	p->peer = bev;
	bufferevent_setcb(bev, on_peer, NULL, on_peer_gone, p);
	bufferevent_setwatermark(bev, EV_READ, 0, PENDING_MAX);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* ---- what the BMC asks of the port ---- */

static size_t
pending(void *arg)
{
	const struct bmcsim_port *p = arg;

	return p->pending != NULL ? evbuffer_get_length(p->pending) : 0;
}

static size_t
take(void *arg, uint8_t *buf, size_t max)
{
	struct bmcsim_port *p = arg;
	int n = p->pending != NULL ? evbuffer_remove(p->pending, buf, max) : 0;

	if (p->peer != NULL)
		read_peer(p);
	return n > 0 ? (size_t)n : 0;
}

static size_t
give(void *arg, const uint8_t *buf, size_t n)
{
	struct bmcsim_port *p = arg;

	if (p->peer != NULL) {
		size_t queued = evbuffer_get_length(bufferevent_get_output(p->peer));

		if (queued >= PENDING_MAX) /* it does not read: not accepted */
			return 0;
		bufferevent_write(p->peer, buf, n);
		return n;
	}
	if (p->typed == NULL)
		p->typed = evbuffer_new();
	evbuffer_add(p->typed, buf, n);
	if (evbuffer_get_length(p->typed) > TYPED_MAX)
		evbuffer_drain(p->typed, evbuffer_get_length(p->typed) - TYPED_MAX);
	return n;
}

static void
on_open(void *arg, bool open)
{
	struct bmcsim_port *p = arg;

	if (p->pending != NULL)
		evbuffer_drain(p->pending, evbuffer_get_length(p->pending));
	if (!open && p->peer != NULL)
		read_peer(p); /* what waited is gone as well */
}

/* ---- texts ---- */

/* One character of the escape at *s, which is moved past it; -1: none. */
static int
escape(const char **s)
{
	static const char names[] = "rnte\\s", values[] = "\r\n\t\033\\ ";
	const char *at = strchr(names, **s);
	unsigned v;

	if (**s != '\0' && at != NULL) {
		(*s)++;
		return (unsigned char)values[at - names];
	}
	if (**s == 'x' && sscanf(*s + 1, "%2x", &v) == 1) {
		size_t digits = strspn(*s + 1, "0123456789abcdefABCDEF");

		*s += 1 + (digits > 2 ? 2 : digits);
		return (int)v;
	}
	return -1;
}

static void
wait_ms(struct bmcsim_port *p, long ms)
{
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	event_add(p->timer, &tv);
}

/* Plays up to the next pause; true if there is one. */
static bool
play_on(struct bmcsim_port *p)
{
	const char *s = p->now + p->at;
	bool waits = false;

	while (*s != '\0' && !waits) {
		char c = *s++;
		int e;

		if (is_full(p)) {
			s--;
			wait_ms(p, FULL_MS);
			waits = true;
		} else if (c == '\n') {
			keep(p, "\r\n", 2);
		} else if (c != '\\') {
			keep(p, &c, 1);
		} else if (*s == 'w') {
			char *end;
			long ms = strtol(s + 1, &end, 10);

			s = *end == '.' ? end + 1 : end;
			wait_ms(p, ms < 0 || ms > WAIT_MAX_MS ? 0 : ms);
			waits = true;
		} else if (*s == 'L') {
			s = p->now;
			wait_ms(p, LOOP_MS);
			waits = true;
		} else if ((e = escape(&s)) >= 0) {
			c = (char)e;
			keep(p, &c, 1);
		} else {
			keep(p, "\\", 1);
		}
	}
	p->at = (size_t)(s - p->now);
	return waits;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct bmcsim_port *p = arg;

	(void)fd;
	(void)what;
	if (p->now == NULL)
		return;
	if (!play_on(p)) {
		free(p->now);
		p->now = NULL;
	}
	bmcsim_node_pump(p->node);
}

static void
play(struct bmcsim_port *p, const char *text)
{
	free(p->now);
	p->now = str_dup(text);
	p->at = 0;
	if (p->timer == NULL)
		p->timer = evtimer_new(p->node->sim->base, on_timer, p);
	wait_ms(p, 0);
}

static struct bmcsim_port *
port_of(struct bmcsim_node *node)
{
	struct bmcsim_port *p = node->port;

	if (p != NULL)
		return p;
	p = str_alloc(sizeof *p);
	p->node = node;
	p->slave = -1;
	node->port = p;
	node->core.serial = (struct bmcsim_serial){.pending = pending,
	    .read = take,
	    .write = give,
	    .on_open = on_open,
	    .arg = p};
	return p;
}

void
bmcsim_port_started(struct bmcsim_node *node)
{
	if (node->port != NULL && node->port->at_start != NULL)
		play(node->port, node->port->at_start);
}

void
bmcsim_port_play(struct bmcsim_node *node, const char *text)
{
	play(port_of(node), text);
}

void
bmcsim_port_typed(struct bmcsim_node *node, char *out, size_t size)
{
	struct bmcsim_port *p = port_of(node);
	char text[TYPED_MAX];
	int n = p->typed != NULL ? evbuffer_remove(p->typed, text, sizeof text) : 0;

	str_escape(out, size, text, n > 0 ? (size_t)n : 0);
}

int
bmcsim_port_attach(struct bmcsim_node *node, struct bufferevent *bev)
{
	struct bmcsim_port *p = port_of(node);

	if (p->peer != NULL)
		return -EBUSY;
	connect_peer(p, bev);
	read_peer(p); /* what came behind the order */
	return 0;
}

/* ---- what is at the other end ---- */

static void
on_accept(
    struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct bmcsim_port *p = arg;

	(void)l;
	(void)sa;
	(void)len;
	if (p->peer != NULL) /* one at a time, as with a cable */
		close(fd);
	else
		connect_peer(p, bufferevent_socket_new(
				    p->node->sim->base, fd, BEV_OPT_CLOSE_ON_FREE));
}

static int
listen_at(struct bmcsim_port *p, const struct sockaddr *sa, int len)
{
	p->listener = evconnlistener_new_bind(p->node->sim->base, on_accept, p,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, -1, sa,
	    len);
	return p->listener != NULL ? 0 : -errno;
}

static int
at_unix(struct bmcsim_port *p, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (str_copy(sun.sun_path, sizeof sun.sun_path, path) < 0)
		return -ENAMETOOLONG;
	unlink(path);
	p->link = str_dup(path);
	return listen_at(p, (struct sockaddr *)&sun, sizeof sun);
}

static int
at_tcp(struct bmcsim_port *p, const char *where)
{
	struct addr_ip ip;
	int64_t count, port, index = (int64_t)p->node->index;
	struct sockaddr_storage ss;
	socklen_t len;

	if (bmcsim_config_address(where, &ip, &count, &port) < 0 || port + index > 65535)
		return -EINVAL;
	len = addr_ip_sockaddr(&ip, (uint16_t)(port + index), &ss);
	return listen_at(p, (struct sockaddr *)&ss, (int)len);
}

static int
at_pty(struct bmcsim_port *p, const char *path)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	char name[64];
	struct termios t;

	if (master < 0)
		return -errno;
	if (grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof name) != 0 ||
	    (p->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0 ||
	    tcgetattr(p->slave, &t) < 0) {
		int r = -errno;

		close(master);
		return r;
	}
	cfmakeraw(&t);
	(void)tcsetattr(p->slave, TCSANOW, &t);
	unlink(path);
	if (symlink(name, path) < 0) {
		int r = -errno;

		close(master);
		return r;
	}
	p->link = str_dup(path);
	connect_peer(
	    p, bufferevent_socket_new(p->node->sim->base, master, BEV_OPT_CLOSE_ON_FREE));
	return 0;
}

static int
at_file(struct bmcsim_port *p, const char *path)
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return -errno;
	p->at_start = str_alloc(FILE_MAX + 1);
	n = fread(p->at_start, 1, FILE_MAX, f);
	fclose(f);
	p->at_start = str_realloc(p->at_start, n + 1);
	p->at_start[n] = '\0';
	return 0;
}

/* %n and %a. */
static int
fill_in(const struct bmcsim_node *node, const char *pattern, char *out, size_t size)
{
	char number[24], address[ADDR_IP_TEXT + 8];
	size_t len = 0;

	snprintf(number, sizeof number, "%zu", node->index + 1);
	snprintf(address, sizeof address, "%s", node->name);
	*strrchr(address, ':') = '\0';
	while (*pattern != '\0') {
		const char *what = NULL;
		char one[2] = {*pattern, '\0'};

		if (pattern[0] == '%' && pattern[1] == 'n')
			what = number;
		else if (pattern[0] == '%' && pattern[1] == 'a')
			what = address;
		pattern += what != NULL ? 2 : 1;
		if (what == NULL)
			what = one;
		if (len + strlen(what) >= size)
			return -ENAMETOOLONG;
		memcpy(out + len, what, strlen(what));
		len += strlen(what);
	}
	out[len] = '\0';
	return 0;
}

static void
disconnect(struct bmcsim_port *p)
{
	if (p->listener != NULL)
		evconnlistener_free(p->listener);
	if (p->peer != NULL)
		bufferevent_free(p->peer);
	if (p->slave >= 0)
		close(p->slave);
	if (p->link != NULL)
		unlink(p->link);
	free(p->link);
	free(p->at_start);
	free(p->now);
	p->listener = NULL;
	p->peer = NULL;
	p->slave = -1;
	p->link = p->at_start = p->now = NULL;
}

int
bmcsim_port_set(struct bmcsim_node *node, const char *spec)
{
	struct bmcsim_port *p = port_of(node);
	const char *colon = strchr(spec, ':');
	char what[BMCSIM_LINE];
	int r;

	disconnect(p);
	if (str_eq(spec, "none"))
		return 0;
	if (colon == NULL)
		return -EINVAL;
	if (str_has_prefix(spec, "text:")) {
		p->at_start = str_dup(colon + 1);
		return 0;
	}
	r = fill_in(node, colon + 1, what, sizeof what);
	if (r < 0)
		return r;
	if (str_has_prefix(spec, "unix:"))
		return at_unix(p, what);
	if (str_has_prefix(spec, "tcp:"))
		return at_tcp(p, what);
	if (str_has_prefix(spec, "pty:"))
		return at_pty(p, what);
	return str_has_prefix(spec, "play:") ? at_file(p, what) : -EINVAL;
}

void
bmcsim_port_free(struct bmcsim_port *p)
{
	if (p == NULL)
		return;
	disconnect(p);
	if (p->timer != NULL)
		event_free(p->timer);
	if (p->pending != NULL)
		evbuffer_free(p->pending);
	if (p->typed != NULL)
		evbuffer_free(p->typed);
	free(p);
}
