/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TFTP load client for tests/bench/tftp.sh: fetches one file COUNT times, PARALLEL at once, and prints
 * octets and seconds. One process and one epoll loop, so that it costs less than any server.
 *
 *	tftp_get ADDRESS PORT FILE BLKSIZE WINDOWSIZE PARALLEL COUNT
 *
 * Anything unexpected ends it with status 1: it measures, it does not repair. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PACKET_MAX = 65536, PARALLEL_MAX = 1024 };

struct get {
	int fd;
	int connected;
	unsigned window; /* agreed */
	uint64_t have;	 /* blocks in order */
	uint64_t acked;
	double heard;
};

struct plan {
	struct sockaddr_in server;
	const char *file;
	unsigned blksize, window, parallel;
	long left, done;
	uint64_t octets;
	unsigned resent;
	int epoll;
	struct get gets[PARALLEL_MAX];
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
start(struct plan *p, struct get *g)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = g};
	char rrq[512];
	int n, room = 4 << 20;

	*g = (struct get){
	    .fd = socket(AF_INET, SOCK_DGRAM, 0), .window = 1, .heard = now()};
	if (g->fd < 0)
		fail("socket");
	setsockopt(g->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	n = snprintf(rrq, sizeof rrq, "%c%c%s%coctet%cblksize%c%u%c", 0, 1, p->file, 0, 0,
	    0, p->blksize, 0);
	if (p->window > 1)
		n += snprintf(
		    rrq + n, sizeof rrq - (size_t)n, "windowsize%c%u%c", 0, p->window, 0);
	if (sendto(g->fd, rrq, (size_t)n, 0, (struct sockaddr *)&p->server,
		sizeof p->server) < 0)
		fail("sendto");
	epoll_ctl(p->epoll, EPOLL_CTL_ADD, g->fd, &ev);
	p->left--;
}

static void
ack(struct get *g)
{
	uint8_t pkt[4] = {0, 4, (uint8_t)(g->have >> 8), (uint8_t)g->have};

	g->acked = g->have;
	if (send(g->fd, pkt, sizeof pkt, 0) < 0)
		fail("send");
}

static unsigned
agreed_window(const char *pkt, size_t len)
{
	for (size_t i = 2; i < len;) {
		const char *name = pkt + i, *value = name + strlen(name) + 1;

		if (strcmp(name, "windowsize") == 0)
			return (unsigned)atoi(value);
		i = (size_t)(value - pkt) + strlen(value) + 1;
	}
	return 1;
}

static void
take(struct plan *p, struct get *g)
{
	static char pkt[PACKET_MAX + 1];
	struct sockaddr_in from;
	socklen_t from_len = sizeof from;
	ssize_t n = recvfrom(
	    g->fd, pkt, PACKET_MAX, MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
	uint16_t block;

	if (n < 4)
		return;
	g->heard = now();
	if (!g->connected) {
		if (connect(g->fd, (struct sockaddr *)&from, from_len) != 0)
			fail("connect");
		g->connected = 1;
	}
	pkt[n] = '\0';
	if (pkt[1] == 6) {
		g->window = agreed_window(pkt, (size_t)n);
		ack(g);
		return;
	}
	if (pkt[1] != 3) {
		fprintf(stderr, "server said: %s\n", pkt + 4);
		exit(1);
	}
	block = (uint16_t)((uint8_t)pkt[2] << 8 | (uint8_t)pkt[3]);
	if (block != (uint16_t)(g->have + 1)) {
		p->resent++;
		if (g->acked != g->have)
			ack(g);
		return;
	}
	g->have++;
	p->octets += (uint64_t)n - 4;
	if ((unsigned)n - 4 < p->blksize) {
		ack(g);
		close(g->fd);
		g->fd = -1;
		p->done++;
		if (p->left > 0)
			start(p, g);
	} else if (g->have - g->acked == g->window) {
		ack(g);
	}
}

int
main(int argc, char **argv)
{
	static struct plan p;
	struct epoll_event evs[64];
	double began;
	long count;

	if (argc != 8)
		return 2;
	p.server = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
	inet_pton(AF_INET, argv[1], &p.server.sin_addr);
	p.file = argv[3];
	p.blksize = (unsigned)atoi(argv[4]);
	p.window = (unsigned)atoi(argv[5]);
	p.parallel = (unsigned)atoi(argv[6]);
	p.left = count = atol(argv[7]);
	p.epoll = epoll_create1(0);
	if (p.parallel > PARALLEL_MAX)
		return 2;
	began = now();
	for (unsigned i = 0; i < p.parallel; i++) {
		p.gets[i].fd = -1;
		if (p.left > 0)
			start(&p, &p.gets[i]);
	}
	while (p.done < count) {
		int n = epoll_wait(p.epoll, evs, 64, 2000);

		for (int i = 0; i < n; i++)
			take(&p, evs[i].data.ptr);
		for (unsigned i = 0; i < p.parallel; i++)
			if (p.gets[i].fd >= 0 && now() - p.gets[i].heard > 20) {
				fprintf(stderr, "a transfer hangs\n");
				return 1;
			}
	}
	printf("%llu %.3f %u\n", (unsigned long long)p.octets, now() - began, p.resent);
	return 0;
}
