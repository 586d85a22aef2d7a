/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The simulated BMCs as a file has them, a line per BMC or run of consecutive addresses:
 *
 *     ADDRESS[+COUNT]:PORT USER PASSWORD LEVEL [KEY=VALUE…] [SCRIPT WORDS…]
 *
 * LEVEL is callback, user, operator or administrator. KEY is the name of a fault
 * (struct bmcsim_faults) or of a value (bmcsim_set_value), or
 *     user=ID:NAME:PASSWORD:LEVEL   another user
 *     serial=SPEC                   what is at the serial port (bmcsim_port.c)
 *     power=on                      the machine runs already
 * SCRIPT (bmcsim_script.h) puts a machine behind the BMC; without it, power is a bit that
 * starts off. Entry point: bmcsim_config_read(). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/str.h"
#include "tests/fake/bmcsim_sim.h"

struct spec {
	char address[128], user[32], password[32], level[16];
	char *rest; /* options and script */
};

int
bmcsim_config_address(
    const char *text, struct addr_ip *ret_ip, int64_t *ret_count, int64_t *ret_port)
{
	char copy[128], *port, *plus, *address = copy;

	if (str_copy(copy, sizeof copy, text) < 0 || (port = strrchr(copy, ':')) == NULL)
		return -EINVAL;
	*port++ = '\0';
	*ret_count = 1;
	plus = strchr(copy, '+');
	if (plus != NULL) {
		*plus++ = '\0';
		if (str_to_i64(plus, 1, BMCSIM_NODES_MAX, ret_count) < 0)
			return -EINVAL;
	}
	if (address[0] == '[' && address[strlen(address) - 1] == ']') {
		address[strlen(address) - 1] = '\0';
		address++;
	}
	if (addr_ip_parse(address, ret_ip) < 0 ||
	    str_to_i64(port, 1, 65535, ret_port) < 0)
		return -EINVAL;
	return 0;
}

int
bmcsim_config_level(const char *word)
{
	if (str_eq(word, "callback"))
		return 1;
	if (str_eq(word, "user"))
		return 2;
	if (str_eq(word, "operator"))
		return 3;
	if (str_eq(word, "administrator"))
		return 4;
	return str_eq(word, "none") ? 15 : -1;
}

/* "3:maint:secret:operator" */
static int
add_user(struct bmcsim_node *node, const char *value)
{
	char copy[128], *name, *password, *level, *end;
	int64_t id;

	if (str_copy(copy, sizeof copy, value) < 0)
		return -EINVAL;
	name = strchr(copy, ':');
	password = name != NULL ? strchr(name + 1, ':') : NULL;
	level = strrchr(copy, ':');
	if (password == NULL || level == password)
		return -EINVAL;
	*name++ = *password++ = *level++ = '\0';
	end = level;
	if (str_to_i64(copy, 1, BMCSIM_USERS, &id) < 0 || bmcsim_config_level(end) < 0)
		return -EINVAL;
	return bmcsim_set_user(&node->core, (unsigned)id, name, password,
	    (uint8_t)bmcsim_config_level(level));
}

/* 1: not a key of ours, so a script begins there. */
static int
apply(struct bmcsim_node *node, const char *key, const char *value)
{
	int64_t number;
	int unused;

	if (str_eq(key, "user"))
		return add_user(node, value);
	if (str_eq(key, "serial"))
		return bmcsim_port_set(node, value);
	if (str_eq(key, "power")) {
		bmcsim_set_power(&node->core, str_eq(value, "on"));
		return 0;
	}
	for (size_t i = 0;; i++) {
		const char *name = bmcsim_fault_name(&node->core.faults, i, &unused);

		if (name == NULL)
			break;
		if (str_eq(name, key))
			return str_to_i64(value, -1, INT32_MAX, &number) < 0
				   ? -EINVAL
				   : bmcsim_set_fault(
					 &node->core.faults, key, (int)number);
	}
	if (bmcsim_set_value(&node->core, key, value) == 0)
		return 0;
	return str_eq(key, "kg") || str_eq(key, "guid") || str_eq(key, "manufacturer") ||
		       str_eq(key, "product") || str_eq(key, "device") ||
		       str_eq(key, "firmware") || str_eq(key, "restart_cause") ||
		       str_has_prefix(key, "sensor")
		   ? -EINVAL
		   : 1;
}

/* Options, then the script. */
static int
finish(struct bmcsim_node *node, const char *rest)
{
	char word[BMCSIM_LINE], *equals;
	int used, r;

	while (sscanf(rest, "%4095s%n", word, &used) == 1) {
		equals = strchr(word, '=');
		if (equals == NULL)
			break;
		*equals = '\0';
		r = apply(node, word, equals + 1);
		if (r > 0)
			break;
		if (r < 0) {
			fprintf(stderr, "bmcsim: %s: %s=%s: %s\n", node->name, word,
			    equals + 1, strerror(-r));
			return r;
		}
		rest += used;
		rest += strspn(rest, " \t");
	}
	if (*rest != '\0')
		node->script = bmcsim_script_new(node->sim->base, &node->core, rest);
	bmcsim_node_pump(node);
	return 0;
}

static int
parse(struct bmcsim_sim *sim, char *line, struct spec *spec, struct addr_ip *ip,
    int64_t *count, int64_t *port)
{
	int used = 0;

	if (sscanf(line, "%127s %31s %31s %15s %n", spec->address, spec->user,
		spec->password, spec->level, &used) != 4 ||
	    strlen(spec->user) > 16 || strlen(spec->password) > BMCSIM_KEY ||
	    bmcsim_config_level(spec->level) < 0 ||
	    bmcsim_config_address(spec->address, ip, count, port) < 0 ||
	    sim->n + (size_t)*count > BMCSIM_NODES_MAX)
		return -EINVAL;
	spec->rest = line + used;
	return 0;
}

static int
add_line(struct bmcsim_sim *sim, char *line)
{
	struct spec spec;
	struct addr_ip ip;
	struct bmcsim_node *node;
	int64_t count, port;

	line[strcspn(line, "\r\n")] = '\0';
	if (line[0] == '#' || line[0] == '\0')
		return 0;
	if (parse(sim, line, &spec, &ip, &count, &port) < 0) {
		fprintf(stderr,
		    "bmcsim: not \"ADDRESS[+COUNT]:PORT USER PASSWORD LEVEL\": %s\n",
		    line);
		return -EINVAL;
	}
	for (int64_t i = 0; i < count; i++) {
		node = bmcsim_node_open(sim, &ip, (uint16_t)port, spec.user,
		    spec.password, (uint8_t)bmcsim_config_level(spec.level));
		if (node == NULL)
			return -EADDRNOTAVAIL;
		node->index = (size_t)i;
		if (finish(node, spec.rest) < 0)
			return -EINVAL;
		if (ip.family == AF_INET)
			ip = addr_ip_make_v4(addr_ip_v4(&ip) + 1);
	}
	return 0;
}

int
bmcsim_config_read(struct bmcsim_sim *sim, const char *path)
{
	char line[BMCSIM_LINE];
	FILE *f = fopen(path, "re");
	int r = 0;

	if (f == NULL) {
		fprintf(stderr, "bmcsim: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	while (r == 0 && fgets(line, sizeof line, f) != NULL) {
		if (strchr(line, '\n') == NULL && !feof(f)) {
			fprintf(stderr, "bmcsim: %s: a line of more than %d octets\n",
			    path, BMCSIM_LINE - 2);
			r = -EINVAL;
		} else {
			r = add_line(sim, line);
		}
	}
	fclose(f);
	return r;
}
