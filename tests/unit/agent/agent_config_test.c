/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/agent_config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/str.h"

static struct agent_config
good(const char *text)
{
	struct agent_config c;
	struct error err;

	if (agent_config_parse("agent.yaml", text, strlen(text), &c, &err) < 0)
		fail_msg("%s", err.text);
	return c;
}

/* The message must hold every given part: file, line and key among them. */
static void
bad(const char *text, const char *where, const char *what)
{
	struct agent_config c;
	struct error err = {.code = ""};

	assert_true(agent_config_parse("agent.yaml", text, strlen(text), &c, &err) < 0);
	if (strstr(err.text, where) == NULL || strstr(err.text, what) == NULL)
		fail_msg("\"%s\" has not \"%s\" and \"%s\"", err.text, where, what);
	assert_string_equal(err.code, "config");
}

static void
test_defaults(void **state)
{
	struct agent_config c = good("boot_services:\n  interfaces: [eth1]\n");

	(void)state;
	assert_string_equal(c.site, "local");
	assert_string_equal(c.orchestrator, "unix:/run/netboot/orchestrator.sock");
	assert_string_equal(c.spool, "/var/lib/netboot/agent.db");
	assert_string_equal(c.seal_key, "/var/lib/netboot/agent.key");
	assert_string_equal(c.images_root, "/srv/netboot/images");
	assert_string_equal(c.scripts_root, "/srv/netboot/scripts");
	assert_string_equal(c.loaders_root, "/srv/netboot/loaders");
	assert_string_equal(c.site_url, "");
	assert_string_equal(c.gates_root, "/etc/netboot/gates");
	assert_string_equal(c.gates_user, "nobody");
	assert_int_equal(c.max_jobs, 1000);
	assert_int_equal(c.limits.allow[STAGE_KERNEL], 0);
	agent_config_done(&c);
}

static void
test_bmc(void **state)
{
	struct agent_config c =
	    good("bmc: {command_gap: 2s, session_gap: 3s, "
		 "sessions_per_minute: 6, breaker_after: 0,\n"
		 "  breaker_rest: 10s, breaker_rest_max: 1h, jobs_wait: "
		 "true, lockout_bmcs: 0, lockout_percent: 7,\n"
		 "  lockout_window: 1h, sessions_at_once: 64, give_up_after: 8s}\n"
		 "boot_services: {interfaces: [eth1]}\n");

	(void)state;
	assert_int_equal(c.bmc.in_flight, 64);
	assert_int_equal(c.bmc.command_timeout, 8 * USEC_PER_SEC);
	assert_int_equal(c.bmc.command_gap, 2 * USEC_PER_SEC);
	assert_int_equal(c.bmc.session_gap, 3 * USEC_PER_SEC);
	assert_int_equal(c.bmc.sessions_per_minute, 6);
	assert_int_equal(c.bmc.breaker_after, UINT_MAX);
	assert_int_equal(c.bmc.breaker_first, 10 * USEC_PER_SEC);
	assert_int_equal(c.bmc.breaker_max, 3600 * USEC_PER_SEC);
	assert_true(c.bmc.jobs_wait);
	assert_int_equal(c.bmc.lockout_more_than, UINT_MAX);
	assert_int_equal(c.bmc.lockout_percent, 7);
	assert_int_equal(c.bmc.lockout_window, 3600 * USEC_PER_SEC);
	agent_config_done(&c);
	c = good("bmc: {}\nboot_services: {interfaces: [eth1]}\n");
	assert_int_equal(c.bmc.breaker_after, 0);
	assert_false(c.bmc.jobs_wait);
	agent_config_done(&c);
	bad("bmc: {sessions_at_once: 0}\nboot_services: {}\n", "agent.yaml:1", "0");
	bad("bmc: {give_up_after: 21s}\nboot_services: {}\n", "agent.yaml:1", "21s");
	bad("bmc: {command_gap: 11s}\nboot_services: {}\n", "agent.yaml:1", "11s");
	bad("bmc: {lockout_percent: 101}\nboot_services: {}\n", "agent.yaml:1", "101");
	bad("bmc: {braker: 1}\nboot_services: {}\n", "agent.yaml:1", "braker");
}

static void
test_everything(void **state)
{
	struct agent_config c = good("site: los\n"
				     "orchestrator: https://nb.example:8443\n"
				     "state_dir: /tmp/x\n"
				     "site_url: http://10.0.0.1:8080/\n"
				     "max_jobs: 5\n"
				     "deadlines: {kernel: 10m, firmware-dhcp: 90}\n"
				     "boot_services:\n"
				     "  dirs: {images: /i, scripts: /s, loaders: /l}\n"
				     "  ports: {http: 8080}\n");

	(void)state;
	assert_string_equal(c.site, "los");
	assert_string_equal(c.spool, "/tmp/x/agent.db");
	assert_string_equal(c.site_url, "http://10.0.0.1:8080");
	assert_string_equal(c.images_root, "/i");
	assert_string_equal(c.scripts_root, "/s");
	assert_string_equal(c.loaders_root, "/l");
	assert_int_equal(c.max_jobs, 5);
	assert_int_equal(c.limits.allow[STAGE_KERNEL], 600 * USEC_PER_SEC);
	assert_int_equal(c.limits.allow[STAGE_FIRMWARE_DHCP], 90 * USEC_PER_SEC);
	agent_config_done(&c);
}

static size_t
line_of(const char *text, const char *part)
{
	const char *at = strstr(text, part);
	size_t n = 1;

	assert_non_null(at);
	for (const char *p = text; p < at; p++)
		n += *p == '\n';
	return n;
}

static void
test_bootd_section_keeps_its_lines(void **state)
{
	static const char block[] = "# \xc3\xbc comment with wider characters\n"
				    "site: los\n"
				    "boot_services:\n"
				    "  interfaces: [eth1]\n"
				    "  ports:\n"
				    "    http: 8080\n"
				    "max_jobs: 7\n";
	static const char flow[] =
	    "boot_services: {interfaces: [eth1], user: nb}\nsite: los\n";
	struct agent_config c = good(block);

	(void)state;
	assert_int_equal(line_of(c.boot_services, "http: 8080"), 6);
	assert_null(strstr(c.boot_services, "site"));
	assert_null(strstr(c.boot_services, "max_jobs"));
	agent_config_done(&c);
	c = good(flow);
	assert_non_null(strstr(c.boot_services, "{interfaces: [eth1], user: nb}"));
	assert_null(strstr(c.boot_services, "site"));
	agent_config_done(&c);
}

static void
test_mistakes(void **state)
{
	(void)state;
	bad("", "agent.yaml:1", "empty");
	bad("site: los\n", "agent.yaml:", "boot_services");
	bad("site: los\nsiet: x\nboot_services: {user: a}\n", "agent.yaml:2", "siet");
	bad("gates_root: gates\nboot_services: {}\n", "agent.yaml:1", "absolute");
	bad("boot_services: {user: a}\nsite: a b\n", "agent.yaml:2", "site");
	bad("boot_services: {user: a}\nmax_jobs: 0\n", "agent.yaml:2", "max_jobs");
	bad("boot_services: {user: a}\nmax_jobs: many\n", "agent.yaml:2", "max_jobs");
	bad("boot_services: {user: a}\ndeadlines:\n  kernel: soon\n", "agent.yaml:3",
	    "deadlines.kernel");
	bad("boot_services: {user: a}\ndeadlines:\n  lunch: 1h\n", "agent.yaml:3",
	    "lunch");
	bad("boot_services: {user: a}\nstate_dir: var\n", "agent.yaml:2", "state_dir");
	bad("boot_services: {user: a}\norchestrator: http://example.org\n",
	    "agent.yaml:2", "orchestrator");
	bad("boot_services: {user: a}\nsite_url: ftp://x\n", "agent.yaml:2", "site_url");
	bad("boot_services: {user: a}\nsite_url: \"http://x && exit\"\n", "agent.yaml:2",
	    "site_url");
	bad("boot_services: none\n", "agent.yaml:1", "boot_services");
	bad("boot_services:\n  dirs: {images: rel}\n", "agent.yaml:2", "dirs.images");
	bad("site: [\n", "agent.yaml", "");
}

static void
test_load(void **state)
{
	struct agent_config c;
	struct error err;

	(void)state;
	assert_true(agent_config_load("/nonexistent/agent.yaml", &c, &err) < 0);
	assert_non_null(strstr(err.text, "/nonexistent/agent.yaml"));
}

#define NGINX "  - { format: nginx, file: /n.log }\n"

static void
test_own_servers(void **state)
{
	struct agent_config c =
	    good("own_servers:\n  dirs: {scripts: /s}\n  logs:\n"
		 "  - { format: isc-dhcp, journal: isc-dhcp-server.service }\n" NGINX);

	(void)state;
	assert_true(c.own_servers);
	assert_true(c.limits.by_logs);
	assert_null(c.boot_services);
	assert_string_equal(c.images_root, "/srv/netboot/images");
	assert_string_equal(c.scripts_root, "/s");
	assert_int_equal(c.n_logs, 2);
	assert_int_equal(c.logs[0].format, LOGLINE_ISC_DHCP);
	assert_string_equal(c.logs[0].journal, "isc-dhcp-server.service");
	assert_string_equal(c.logs[0].file, "");
	assert_string_equal(c.logs[1].file, "/n.log");
	agent_config_done(&c);
}

static void
test_own_servers_bad(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} rows[] = {
	    {"own_servers: { logs: [] }\n", "agent.yaml:1", "format nginx"},
	    {"own_servers:\n  logs:\n  - { format: kea, file: /k }\n",
		"agent.yaml:2: own_servers.logs", "never seen"},
	    {"own_servers:\n  logs:\n" NGINX "  - { format: apache, file: /a }\n",
		"agent.yaml:4: own_servers.logs[1].format", "apache"},
	    {"own_servers:\n  logs:\n" NGINX "  - { format: kea }\n",
		"own_servers.logs[1]", "either file or journal"},
	    {"own_servers:\n  logs:\n" NGINX
	     "  - { format: kea, file: /k, journal: k.service }\n",
		"own_servers.logs[1]", "either file or journal"},
	    {"own_servers:\n  logs:\n" NGINX "  - { format: kea, file: k }\n",
		"own_servers.logs[1].file", "absolute"},
	    {"own_servers:\n  logs:\n" NGINX "  - { format: kea, journal: kea }\n",
		"own_servers.logs[1].journal", "name of a unit"},
	    {"own_servers:\n  logs:\n" NGINX NGINX, "agent.yaml:4: own_servers.logs[1]",
		"already"},
	    {"own_servers:\n  logs:\n" NGINX "boot_services:\n  interfaces: [e]\n",
		"agent.yaml:1: own_servers", "boot_services is there too"},
	    {"own_servers:\n  log: x\n", "agent.yaml:2", "log"},
	    {"site: x\n", "boot_services", "own_servers"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		bad(rows[i].text, rows[i].where, rows[i].what);
}

#define SERVED "boot_services:\n  interfaces: [e]\n"

static void
test_ssh(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} rows[] = {
	    {SERVED "ssh: { key: /k }\n", "ssh.user", "logged in as"},
	    {SERVED "ssh: { user: -oProxyCommand=x }\n", "ssh.user", "logged in as"},
	    {SERVED "ssh: { user: n, key: k }\n", "ssh.key", "absolute"},
	    {SERVED "ssh: { user: n, timeout: 2h }\n", "ssh.timeout", "3600"},
	    {SERVED "ssh: { user: n, port: 0 }\n", "ssh.port", "65535"},
	    {SERVED "ssh: { user: n, password: x }\n", "ssh", "password"},
	};
	static const char text[] = SERVED "ssh: { user: ops, port: 2222, timeout: 5m }\n";
	struct agent_config c;
	struct error err;

	(void)state;
	assert_int_equal(
	    agent_config_parse("agent.yaml", text, sizeof(text) - 1, &c, &err), 0);
	assert_string_equal(c.ssh.user, "ops");
	assert_string_equal(c.ssh.key, "/etc/netboot/ssh/id_ed25519");
	assert_string_equal(c.ssh.run_as, "netboot-ssh");
	assert_int_equal(c.ssh.port, 2222);
	assert_int_equal(c.limits.hook, 300 * USEC_PER_SEC);
	agent_config_done(&c);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		bad(rows[i].text, rows[i].where, rows[i].what);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_everything),
	    cmocka_unit_test(test_bmc),
	    cmocka_unit_test(test_own_servers),
	    cmocka_unit_test(test_own_servers_bad),
	    cmocka_unit_test(test_ssh),
	    cmocka_unit_test(test_bootd_section_keeps_its_lines),
	    cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
