/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One probe: a socket per round, a timer between and within rounds.
 *
 * Entry points: probe_start(), probe_now(), probe_stop().
 * Ownership: a probe owns its socket and events; the caller stops it.
 * Failure modes: whatever keeps a round from succeeding counts as "not up". ICMP needs
 * the agent's group in net.ipv4.ping_group_range, or CAP_NET_RAW; without both it never
 * answers.
 */
#include "agent/probe.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/compiler.h"
#include "lib/str.h"

enum { ANSWER_S = 2, ECHO_SIZE = 8 };
/* A machine may be back within seconds: where a round has waited in vain there is no more waiting before the next. */
#define PAUSE ((struct timeval){.tv_sec = 3})
#define PAUSE_UNANSWERED ((struct timeval){.tv_usec = 500000})

struct probe {
	struct event_base *base;
	struct sockaddr_storage to;
	socklen_t to_len;
	bool icmp, raw;
	int fd;
	int error; /* of the last round */
	struct event *io, *timer;
	probe_answer_fn *answer;
	void *arg;
};

static void
begin_round(struct probe *p);

static void
close_round(struct probe *p)
{
	if (p->io != NULL)
		event_free(p->io);
	p->io = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void
end_round(struct probe *p, int error)
{
	const struct timeval pause = error == ETIMEDOUT ? PAUSE_UNANSWERED : PAUSE;

	close_round(p);
	evtimer_add(p->timer, &pause);
	p->error = error;
	p->answer(p->arg, error == 0); /* may free p */
}

int
probe_error(const struct probe *p)
{
	return p->error;
}

static void
on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct probe *p = arg;

	if (p->io != NULL)
		end_round(p, ETIMEDOUT);
	else
		begin_round(p);
}

static void
on_tcp(evutil_socket_t fd, short what UNUSED, void *arg)
{
	int e = 0;
	socklen_t n = sizeof(e);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		e = errno;
	end_round(arg, e);
}

/* Is this the echo reply? A raw socket hears every ICMP message, IPv4 with its header
 * (RFC 791 3.1: the low four bits of the first octet count words). */
static bool
is_reply(const struct probe *p, struct rbuf r)
{
	bool v6 = p->to.ss_family == AF_INET6;

	if (p->raw && !v6) {
		size_t words = rbuf_u8(&r) & 0x0f;

		rbuf_skip(&r, 4 * words > 0 ? 4 * words - 1 : 0);
	}
	return rbuf_u8(&r) == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && rbuf_ok(&r);
}

static void
on_icmp(evutil_socket_t fd, short what UNUSED, void *arg)
{
	struct probe *p = arg;
	struct sockaddr_storage from = {0};
	socklen_t n = sizeof(from);
	uint8_t data[256];
	ssize_t len = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &n);
	struct addr_ip a, b;

	if (len <= 0)
		return;
	a = addr_ip_from_sockaddr((const struct sockaddr *)&from);
	b = addr_ip_from_sockaddr((const struct sockaddr *)&p->to);
	if (addr_ip_eq(&a, &b) && is_reply(p, rbuf_init(data, (size_t)len)))
		end_round(p, 0);
}

/* RFC 1071; over the eight octets of an echo request without data. */
static uint16_t
checksum(const uint8_t *echo)
{
	uint32_t sum = 0;

	for (int i = 0; i < ECHO_SIZE; i += 2)
		sum += (uint32_t)echo[i] << 8 | echo[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static int
open_icmp(struct probe *p)
{
	bool v6 = p->to.ss_family == AF_INET6;
	int proto = v6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP;
	uint8_t echo[ECHO_SIZE] = {v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO};
	uint16_t sum = checksum(echo);

	/* The kernel fills in the checksum, except for a raw IPv4 socket. */
	echo[2] = (uint8_t)(sum >> 8);
	echo[3] = (uint8_t)sum;
	p->raw = false;
	p->fd = socket(p->to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	if (p->fd < 0) {
		p->raw = true;
		p->fd = socket(
		    p->to.ss_family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	}
	if (p->fd < 0)
		return -errno;
	if (sendto(p->fd, echo, sizeof(echo), 0, (struct sockaddr *)&p->to, p->to_len) <
	    0)
		return -errno;
	p->io = event_new(p->base, p->fd, EV_READ | EV_PERSIST, on_icmp, p);
	return 0;
}

static int
open_tcp(struct probe *p)
{
	p->fd = socket(p->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return -errno;
	if (connect(p->fd, (struct sockaddr *)&p->to, p->to_len) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	p->io = event_new(p->base, p->fd, EV_WRITE, on_tcp, p);
	return 0;
}

static void
begin_round(struct probe *p)
{
	const struct timeval patience = {.tv_sec = ANSWER_S};
	int r = p->icmp ? open_icmp(p) : open_tcp(p);

	if (r < 0) {
		end_round(p, -r);
		return;
	}
	event_add(p->io, NULL);
	evtimer_add(p->timer, &patience);
}

struct probe *
probe_start(struct event_base *base, const char *spec, const struct addr_ip *ip,
    probe_answer_fn *answer, void *arg)
{
	const struct timeval at_once = {0};
	int64_t port = 0;
	struct probe *p;

	if (!addr_ip_is_set(ip))
		return NULL;
	if (!str_eq(spec, "icmp") &&
	    (!str_has_prefix(spec, "tcp:") || str_to_i64(spec + 4, 1, 65535, &port) < 0))
		return NULL;
	p = str_alloc(sizeof(*p));
	p->base = base;
	p->icmp = port == 0;
	p->fd = -1;
	p->answer = answer;
	p->arg = arg;
	p->to_len = addr_ip_sockaddr(ip, (uint16_t)port, &p->to);
	p->timer = evtimer_new(base, on_timer, p);
	evtimer_add(p->timer, &at_once);
	return p;
}

void
probe_now(struct probe *p)
{
	const struct timeval at_once = {0};

	if (p == NULL)
		return;
	close_round(p);
	evtimer_add(p->timer, &at_once);
}

void
probe_stop(struct probe *p)
{
	if (p == NULL)
		return;
	close_round(p);
	event_free(p->timer);
	free(p);
}
