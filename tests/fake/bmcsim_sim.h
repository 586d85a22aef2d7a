/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated BMCs of one process: what its files share. bmcsim.c has the sockets,
 * bmcsim_config.c makes BMCs out of lines, bmcsim_control.c takes orders, bmcsim_port.c is
 * the serial port of each machine. */
#ifndef TESTS_FAKE_BMCSIM_SIM_H
#define TESTS_FAKE_BMCSIM_SIM_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <uthash.h>

#include "lib/addr.h"
#include "tests/fake/bmcsim_core.h"
#include "tests/fake/bmcsim_script.h"

enum { BMCSIM_LINE = 4096, BMCSIM_NODES_MAX = 16384 };

struct bmcsim_node;
struct bmcsim_control_socket;
struct bmcsim_port;
struct bmcsim_wide;
struct late_reply;

struct bmcsim_sim {
	struct event_base *base;
	struct bmcsim_node *nodes[BMCSIM_NODES_MAX];
	size_t n;
	uint64_t seed;
	struct rng luck; /* which BMCs a share of them are */
	struct late_reply *late;
	bool share_sockets;	  /* among the BMCs of 127.0.0.0/8 at a port */
	struct bmcsim_wide *wide; /* those */
};

struct bmcsim_node {
	struct bmcsim_bmc core;
	struct bmcsim_sim *sim;
	char name[ADDR_IP_TEXT + 8]; /* ADDRESS:PORT */
	size_t index;		     /* in its run of addresses */
	int fd;			     /* -1: of `wide` */
	struct event *readable, *timer;
	struct bmcsim_wide *wide; /* NULL: its own socket */
	uint32_t ip4;		  /* its key there, network order */
	UT_hash_handle hh;
	struct bmcsim_script *script;
	struct bmcsim_port *port; /* NULL until something is connected */
	unsigned starts;	  /* of the machine, as far as the port was told */
};

/* bmcsim.c: binds a socket and adds the BMC; NULL with a message if that fails. */
struct bmcsim_node *
bmcsim_node_open(struct bmcsim_sim *sim, const struct addr_ip *ip, uint16_t port,
    const char *user, const char *password, uint8_t level);
/* After anything that changed its state: sends what is to be sent, and comes back in time. */
void
bmcsim_node_pump(struct bmcsim_node *node);

/* A packet for it has come. */
void
bmcsim_node_input(struct bmcsim_node *node, const uint8_t *pkt, size_t len,
    const struct sockaddr_storage *from, socklen_t from_len);

/* bmcsim_wide.c: 0, or -errno; -EADDRINUSE if there is a BMC with that address. */
int
bmcsim_wide_add(struct bmcsim_sim *sim, struct bmcsim_node *node,
    const struct addr_ip *ip, uint16_t port);
void
bmcsim_wide_send(struct bmcsim_node *node, const struct sockaddr_storage *to,
    socklen_t to_len, const uint8_t *pkt, size_t len);
/* Before its nodes are freed. */
void
bmcsim_wide_close(struct bmcsim_sim *sim);

/* bmcsim_config.c: 0, or -errno after a message. */
int
bmcsim_config_read(struct bmcsim_sim *sim, const char *path);
/* "127.0.0.2+3:9623" → address, 3, port; -EINVAL. */
int
bmcsim_config_address(
    const char *text, struct addr_ip *ret_ip, int64_t *ret_count, int64_t *ret_port);
/* -1: no such word. */
int
bmcsim_config_level(const char *word);

/* bmcsim_control.c: NULL with a message if that fails. */
struct bmcsim_control_socket *
bmcsim_control_open(struct bmcsim_sim *sim, const char *path);
void
bmcsim_control_close(struct bmcsim_control_socket *c);

/* bmcsim_port.c. What is at the port: "none", "unix:PATH", "tcp:ADDRESS:PORT", "pty:LINK",
 * "text:TEXT", "play:FILE"; %n and %a in a path stand for the number and the address of the
 * BMC, and each next BMC of a run has the next TCP port. 0, or -errno. */
int
bmcsim_port_set(struct bmcsim_node *node, const char *spec);
/* Characters from the machine, with escapes, played now. */
void
bmcsim_port_play(struct bmcsim_node *node, const char *text);
/* The connection is the port's other end from now on, and its own to free. -EBUSY when there
 * is one already. */
int
bmcsim_port_attach(struct bmcsim_node *node, struct bufferevent *bev);
/* What was typed and nobody was connected to take, escaped; forgotten then. */
void
bmcsim_port_typed(struct bmcsim_node *node, char *out, size_t size);
/* The machine has started. */
void
bmcsim_port_started(struct bmcsim_node *node);
void
bmcsim_port_free(struct bmcsim_port *p);

#endif
