/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What HTTP paths mean, in each state of a ticket; no reason ever shows a token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "boot-services/policy.h"
#include "tests/unit/boot-services/fixture.h"

#define B "/b/" FIXTURE_TOKEN
#define R "/report/" FIXTURE_TOKEN
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum state { ABSENT, IDLE, ARMED, CONSUMED };

static const struct {
	enum state state;
	const char *path;
	enum policy_path what;
	const char *file; /* or a part of the text */
} rows[] = {
    {IDLE, "/loaders/snponly.efi", POLICY_PATH_LOADER, "snponly.efi"},
    {IDLE, "/loaders/x/y.efi", POLICY_PATH_LOADER, "x/y.efi"},
    {IDLE, "/loaders/", POLICY_PATH_NONE, ""},
    {IDLE, "/loaders/../etc/passwd", POLICY_PATH_NONE, ""},
    {IDLE, "/", POLICY_PATH_NONE, ""},
    {IDLE, "", POLICY_PATH_NONE, ""},
    {IDLE, "/local-boot.efi", POLICY_PATH_NONE, ""},
    {IDLE, "/script.ipxe", POLICY_PATH_NONE, ""},
    {IDLE, "/script.ipxe-", POLICY_PATH_NONE, ""},
    {IDLE, "/script.ipxe-xx", POLICY_PATH_NONE, ""},
    {IDLE, "/script.ipxe-52:54:00:00:00:01", POLICY_PATH_IDLE, "exit 1"},
    {IDLE, "/scripts/script.ipxe-52-54-00-00-00-01", POLICY_PATH_IDLE, "exit 1"},
    {ARMED, "/script.ipxe-52:54:00:00:00:01", POLICY_PATH_SCRIPT,
	"script.ipxe-52:54:00:00:00:01"},
    {ARMED, "/script.ipxe-52-54-00-00-00-01", POLICY_PATH_SCRIPT,
	"script.ipxe-52:54:00:00:00:01"},
    {CONSUMED, "/script.ipxe-52:54:00:00:00:01", POLICY_PATH_IDLE, "exit 1"},
    {ABSENT, "/script.ipxe-52:54:00:00:00:01", POLICY_PATH_NONE, ""},
    {ARMED, B "/vmlinuz", POLICY_PATH_PAYLOAD, "d/vmlinuz"},
    {ARMED, B "/initrd", POLICY_PATH_PAYLOAD, "d/initrd"},
    {ARMED, B "/root.sqfs", POLICY_PATH_PAYLOAD, "d/root"},
    {ARMED, B "/other", POLICY_PATH_NONE, ""},
    {ARMED, B "/", POLICY_PATH_NONE, ""},
    {ARMED, B, POLICY_PATH_NONE, ""},
    {ARMED, "/b/0123456789abcdefghjkmnpqrz/vmlinuz", POLICY_PATH_NONE, ""},
    {ARMED, "/b//vmlinuz", POLICY_PATH_NONE, ""},
    {CONSUMED, B "/vmlinuz", POLICY_PATH_NONE, ""},
    {CONSUMED, B "/initrd", POLICY_PATH_NONE, ""},
    {CONSUMED, B "/root.sqfs", POLICY_PATH_PAYLOAD, "d/root"},
    {IDLE, B "/vmlinuz", POLICY_PATH_NONE, ""},
    {ARMED, R "/up", POLICY_PATH_REPORT, ""},
    {CONSUMED, R "/installed", POLICY_PATH_REPORT, ""},
    {CONSUMED, R "/wiped", POLICY_PATH_NONE, ""},
    {IDLE, R "/up", POLICY_PATH_NONE, ""},
    {ARMED, R, POLICY_PATH_NONE, ""},
    {IDLE, "/store/" SHA, POLICY_PATH_STORE, ".store/sha256/e3/" SHA},
    {IDLE, "/store/" SHA "0", POLICY_PATH_NONE, ""},
    {IDLE, "/store/../part/" SHA, POLICY_PATH_NONE, ""},
    {IDLE, "/store/E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
	POLICY_PATH_NONE, ""},
    {IDLE, "/store/", POLICY_PATH_NONE, ""},
};

static void
resolve(enum state state, const struct bundle_host *h, bool answer_unknown,
    const char *path, struct policy_http *p)
{
	struct hosttab *t = hosttab_new();
	struct bootd_msg_boot *boot = fixture_boot("t1");
	struct bundle_site *site = str_alloc(sizeof(*site));
	struct bootd_config *cfg = str_alloc(sizeof(*cfg));
	struct error err = {0};

	boot->consumed = state == CONSUMED;
	site->answer_unknown = answer_unknown;
	hosttab_set_site(t, site);
	if (state != ABSENT)
		assert_int_equal(hosttab_put(t, h, state == IDLE ? NULL : boot, &err), 0);
	policy_http(t, cfg, path, p);
	p->host = NULL; /* goes with the table */
	hosttab_free(t);
	free(boot);
	free(site);
	free(cfg);
}

static void
resolves_every_row(void **state UNUSED)
{
	const struct bundle_host h = fixture_host("edge01", 1);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy_http p;

		resolve(rows[i].state, &h, false, rows[i].path, &p);
		if (p.what != rows[i].what ||
		    !strstr(p.text[0] ? p.text : p.file, rows[i].file))
			fail_msg("row %zu %s: %d \"%s\": %s", i, rows[i].path, p.what,
			    p.file, p.reason);
		assert_true(p.reason[0] != '\0');
		assert_null(strstr(p.reason, FIXTURE_TOKEN));
	}
}

static void
leaves_as_the_host_wants(void **state UNUSED)
{
	static const struct {
		enum bundle_local_boot how;
		enum bundle_firmware firmware;
		const char *line;
	} ways[] = {
	    {BUNDLE_LOCAL_EXIT1, BUNDLE_UEFI, "\nexit 1\n"},
	    {BUNDLE_LOCAL_EXIT0, BUNDLE_UEFI, "\nexit 0\n"},
	    {BUNDLE_LOCAL_SANBOOT, BUNDLE_UEFI,
		"\nsanboot --no-describe --drive 0 || exit 1\n"},
	    {BUNDLE_LOCAL_SANBOOT, BUNDLE_BIOS,
		"\nsanboot --no-describe --drive 0x80 || exit 1\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct bundle_host h = fixture_host("edge01", 1);
		struct policy_http p;

		h.local_boot = ways[i].how;
		h.firmware = ways[i].firmware;
		resolve(IDLE, &h, false, "/script.ipxe-52:54:00:00:00:01", &p);
		assert_int_equal(strncmp(p.text, "#!ipxe\n", 7), 0);
		assert_non_null(strstr(p.text, ways[i].line));
	}
}

static void
strangers_get_a_script_where_they_are_answered(void **state UNUSED)
{
	const struct bundle_host h = fixture_host("edge01", 1);
	struct policy_http p;

	resolve(ABSENT, &h, true, "/script.ipxe-52:54:00:00:00:09", &p);
	assert_int_equal(p.what, POLICY_PATH_IDLE);
	assert_non_null(strstr(p.text, "exit 1"));
}

static void
reports_carry_token_and_stage(void **state UNUSED)
{
	const struct bundle_host h = fixture_host("edge01", 1);
	struct policy_http p;

	resolve(CONSUMED, &h, false, R "/booted", &p);
	assert_string_equal(p.token, FIXTURE_TOKEN);
	assert_string_equal(p.stage, "booted");
}

static void
files_by_digest_are_for_peers_only(void **state UNUSED)
{
	struct bootd_config *cfg = str_alloc(sizeof(*cfg));
	struct addr_ip near, far, six;

	assert_int_equal(addr_ip_parse("10.40.0.9", &near), 0);
	assert_int_equal(addr_ip_parse("10.41.0.9", &far), 0);
	assert_int_equal(addr_ip_parse("fd40::9", &six), 0);
	assert_false(policy_http_is_peer(cfg, &near)); /* none is named */
	assert_int_equal(addr_prefix_parse("10.40.0.0/24", &cfg->peers[0]), 0);
	assert_int_equal(addr_prefix_parse("fd40::/64", &cfg->peers[1]), 0);
	cfg->n_peers = 2;
	assert_true(policy_http_is_peer(cfg, &near) && policy_http_is_peer(cfg, &six));
	assert_false(policy_http_is_peer(cfg, &far));
	free(cfg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resolves_every_row),
	    cmocka_unit_test(leaves_as_the_host_wants),
	    cmocka_unit_test(strangers_get_a_script_where_they_are_answered),
	    cmocka_unit_test(reports_carry_token_and_stage),
	    cmocka_unit_test(files_by_digest_are_for_peers_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
