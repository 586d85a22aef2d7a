/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/script.h"

#include <errno.h>

#include "tests/unit/agent/job_fixture.h"

static const struct ticket ticket = {.id = "01m8186kgj3sd2xm",
    .token = "0123456789abcdefghjkmnpqrs",
    .state = TICKET_ARMED};

static const struct bundle_site los = {.name = "los"};

static char *
build(struct bundle *b, const char *args)
{
	struct script_params p = {.bundle = b,
	    .ticket = &ticket,
	    .site = "los",
	    .url = "http://10.77.0.1:8080",
	    .images = "/srv/images"};
	struct error err;
	char *text = NULL;

	str_clip(b->image.args, sizeof(b->image.args), args);
	assert_int_equal(script_build(&p, &text, &err), 0);
	return text;
}

static void
refused(struct bundle *b, const char *args, int wanted, const char *code)
{
	struct script_params p = {
	    .bundle = b, .ticket = &ticket, .site = "los", .url = "http://10.77.0.1"};
	struct error err = {.code = ""};
	char *text = NULL;

	str_clip(b->image.args, sizeof(b->image.args), args);
	assert_int_equal(script_build(&p, &text, &err), wanted);
	assert_null(text);
	assert_string_equal(err.code, code);
	assert_string_not_equal(err.next, "");
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void
test_text(void **state)
{
	struct bundle *b = job_fixture_bundle();
	char *text = build(b, "console=ttyS0 quiet");

	(void)state;
	assert_int_equal(strncmp(text, "#!ipxe\n# ticket 01m8186kgj3sd2xm job", 36), 0);
	has(text,
	    "kernel http://10.77.0.1:8080/b/0123456789abcdefghjkmnpqrs/vmlinuz "
	    "initrd=initrd console=ttyS0 quiet "
	    "netboot.report=http://10.77.0.1:8080/report/0123456789abcdefghjkmnpqrs "
	    "BOOTIF=01-${netX/mac:hexhyp} || goto failed\n");
	has(text,
	    "initrd --name initrd "
	    "http://10.77.0.1:8080/b/0123456789abcdefghjkmnpqrs/initrd || goto failed\n");
	has(text, "chain --replace --autofree "
		  "http://10.77.0.1:8080/script.ipxe-52:54:00:77:00:01");
	/* Nothing may stay from an earlier round or ticket (tests/sim/ticket.pml). */
	assert_true(strstr(text, "imgfree") < strstr(text, "kernel http"));
	has(text, "exit 1\n");
	free(text);
	free(b);
}

static char *
menu_args(const char *kind, const char *args, const char *url, const char *code)
{
	struct bundle *b = job_fixture_bundle();
	struct error err = {.code = ""};
	char *text = NULL;
	int rc;

	str_clip(b->image.kind, sizeof(b->image.kind), kind);
	str_clip(b->image.args, sizeof(b->image.args), args);
	b->image.n_files = 1;
	str_clip(b->image.files[0].name, sizeof(b->image.files[0].name), "root.sqfs");
	if (strstr(args, "nfs="))
		str_clip(b->image.nfs_root, sizeof(b->image.nfs_root), "grml/root");
	rc = script_menu_args(&b->image, &los, url, "/srv/netboot/images", &text, &err);
	assert_int_equal(rc == 0, code[0] == '\0');
	assert_string_equal(err.code, code);
	free(b);
	return text;
}

/* No ticket, no host: what iPXE knows of its own card stands for them, the rest is refused. */
static void
test_menu_args(void **state)
{
	static const char url[] = "http://10.77.0.1:8080";
	char *text = menu_args("live",
	    "fetch=${file.root.sqfs} s=${site.server} n=${site.name} m=${mac} "
	    "b=01-${mac.hexhyp} k=$${kbmap}",
	    url, "");
	char name[300];

	(void)state;
	snprintf(name, sizeof(name), "fetch=%s/m/", url);
	has(text, name);
	has(text, "/root.sqfs s=10.77.0.1 n=los m=${netX/mac} b=01-${netX/mac:hexhyp} "
		  "k=${kbmap}");
	free(text);
	free(menu_args("rescue", "n=${site.name}", NULL, ""));
	assert_null(menu_args("live", "x=${site.url}", NULL, "image-args"));
	text = menu_args("live", "nfs=${nfs}", url, "");
	has(text, "nfs=10.77.0.1:/srv/netboot/images/grml/root");
	free(text);
	assert_null(menu_args("live", "x=${nfs}", url, "menu-image"));
	assert_null(menu_args("live", "x=${file.gone}", url, "image-args"));
	assert_null(menu_args("live", "x=${report}", url, "menu-image"));
	assert_null(menu_args("live", "x=${host.name}", url, "menu-image"));
	assert_null(menu_args("live", "a || exit", url, "image-args"));
	assert_null(menu_args("live", "a 'b'", url, "image-args"));
	assert_null(menu_args("live", "", "ftp://x", "no-site-url"));
	assert_null(menu_args("reinstall", "", url, "menu-image"));
}

static void
test_substitution(void **state)
{
	struct bundle *b = job_fixture_bundle();
	char *text;

	(void)state;
	job_fixture_file(&b->image.files[0], "root.squashfs", "d/root.squashfs");
	b->image.n_files = 1;
	text =
	    build(b, "a=${host.name} b=${host.label.role} c=${site.name} d=${site.url} "
		     "e=${site.server} f=${mac} g=${mac.hexhyp} h=${ip} i=${image.name} "
		     "j=${file.root.squashfs} k=${report} l=${token} m=$$x");
	has(text, " a=edge01 b=cdn c=los d=http://10.77.0.1:8080 e=10.77.0.1 "
		  "f=52:54:00:77:00:01 g=52-54-00-77-00-01 h=10.77.0.11 i=debian "
		  "j=http://10.77.0.1:8080/b/0123456789abcdefghjkmnpqrs/root.squashfs "
		  "k=http://10.77.0.1:8080/report/0123456789abcdefghjkmnpqrs "
		  "l=0123456789abcdefghjkmnpqrs m=$x ");
	free(text);
	text = build(b, "netboot.report=${report} BOOTIF=01-${mac.hexhyp}");
	assert_null(strstr(strstr(text, "netboot.report=") + 1, "netboot.report="));
	assert_null(strstr(strstr(text, "BOOTIF=") + 1, "BOOTIF="));
	free(text);
	free(b);
}

/* A host and a site without IPv4. */
static void
test_ipv6_only(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct script_params p = {.bundle = b,
	    .ticket = &ticket,
	    .site = "los",
	    .url = "http://[fd77::1]:8080"};
	struct error err;
	char *text = NULL;

	(void)state;
	b->host.nics[0].ip.family = 0;
	assert_int_equal(addr_ip_parse("fd77::11", &b->host.nics[0].ip6), 0);
	str_clip(b->image.args, sizeof(b->image.args),
	    "a=${ip} b=${ip6} c=${site.server} d=${site.url}");
	assert_int_equal(script_build(&p, &text, &err), 0);
	has(text, " a= b=fd77::11 c=fd77::1 d=http://[fd77::1]:8080 "
		  "netboot.report=http://[fd77::1]:8080/report/");
	has(text, "kernel http://[fd77::1]:8080/b/0123456789abcdefghjkmnpqrs/vmlinuz ");
	has(text, "chain --replace --autofree "
		  "http://[fd77::1]:8080/script.ipxe-52:54:00:77:00:01");
	free(text);
	free(b);
}

/* The folder that a client appends paths to, and how the system asks for an address of the family that it is in. */
static void
test_files_and_families(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct bundle_image *image = &b->image;
	struct script_params p = {.bundle = b,
	    .ticket = &ticket,
	    .site = "los",
	    .url = "http://[fd77::1]:8080"};
	const char *args = "s=${files}/ ip=${net.dhcp} a=${net.ip} b=${net.ip6}";
	struct error err;
	char *text = build(b, args);

	(void)state;
	has(text, " s=http://10.77.0.1:8080/b/0123456789abcdefghjkmnpqrs/ ip=dhcp a=dhcp "
		  "b=off ");
	free(text);
	assert_int_equal(script_build(&p, &text, &err), 0);
	has(text, " s=http://[fd77::1]:8080/b/0123456789abcdefghjkmnpqrs/ ip=dhcp6 a=off "
		  "b=dhcp ");
	free(text);
	str_clip(image->name, sizeof(image->name), "sr");
	str_clip(image->kind, sizeof(image->kind), "rescue");
	assert_int_equal(
	    script_menu_args(image, &los, "http://[fd77::1]", NULL, &text, &err), 0);
	assert_string_equal(text, "s=http://[fd77::1]/m/sr/ ip=dhcp6 a=off b=dhcp");
	free(text);
	assert_int_equal(script_menu_args(image, &los, NULL, NULL, &text, &err), -ENOENT);
	free(b);
}

/* Where there is no IPv4, what stops without it is refused while the machine still runs. */
static void
test_ipv4_only_systems(void **state)
{
	static const char *const bad[] = {"quiet ip=dhcp rd.bootif=1", "ip=dhcp",
	    "archisobasedir=x archiso_http_srv=${files}/ ip=any",
	    "archiso_nfs_srv=${nfs}"};
	static const char *const good[] = {"ip=${net.dhcp}",
	    "ip=${net.ip} ip6=${net.ip6}", "ip=dhcp6",
	    "boot=live fetch=${files}/x.squashfs", "xip=dhcp", ""};
	struct bundle_site site = {
	    .name = "los", .n_subnets = 1, .subnets[0].prefix.ip.family = AF_INET6};
	struct bundle *b = job_fixture_bundle();
	struct script_params p = {.bundle = b,
	    .ticket = &ticket,
	    .site = "los",
	    .url = "http://[fd77::1]",
	    .images = "/srv/images"};
	struct error err;
	char *text = NULL;

	(void)state;
	str_clip(b->image.nfs_root, sizeof(b->image.nfs_root), "x");
	str_clip(b->image.kind, sizeof(b->image.kind), "rescue");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		str_clip(b->image.args, sizeof(b->image.args), bad[i]);
		p.v6_only = true;
		err = (struct error){.code = ""};
		assert_int_equal(script_build(&p, &text, &err), -EINVAL);
		assert_string_equal(err.code, "image-ipv4");
		has(err.text, "without IPv4");
		assert_string_not_equal(err.next, "");
		assert_int_equal(
		    script_menu_args(&b->image, &site, p.url, p.images, &text, &err),
		    -EINVAL);
		assert_string_equal(err.code, "image-ipv4");
		/* With IPv4 beside it, it is the site's own affair. */
		p.v6_only = false;
		assert_int_equal(script_build(&p, &text, &err), 0);
		free(text);
		text = NULL;
	}
	p.v6_only = true;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		str_clip(b->image.args, sizeof(b->image.args), good[i]);
		assert_int_equal(script_build(&p, &text, &err), 0);
		free(text);
	}
	p.url = "http://10.77.0.1";
	free(build(b, "ip=dhcp"));
	site.n_subnets = 2;
	site.subnets[1].prefix.ip.family = AF_INET;
	assert_false(bundle_site_is_v6_only(&site));
	assert_false(bundle_site_is_v6_only(&los));
	free(b);
}

/* The menu's settings are there in a job too: the image may serve both. */
static void
test_settings_of_a_menu(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct script_params p = {.bundle = b,
	    .ticket = &ticket,
	    .site = "los",
	    .url = "http://10.77.0.1",
	    .keymap = "de"};
	struct error err;
	char *text = build(b, "quiet");

	(void)state;
	assert_null(strstr(text, "kbmap"));
	assert_null(strstr(text, "bitn"));
	free(text);
	text = build(b, "setkmap=$${kbmap} bits=$${bitn}");
	has(text, "\nisset ${kbmap} || set kbmap us\n");
	has(text, "\ncpuid --ext 29 && set bitn 64 || set bitn 32\n");
	has(text, " setkmap=${kbmap} bits=${bitn} ");
	free(text);
	assert_int_equal(script_build(&p, &text, &err), 0);
	has(text, "\nisset ${kbmap} || set kbmap de\n");
	free(text);
	free(b);
}

/* What an image may name when it is written is found when it is booted. */
static void
test_every_name_is_known(void **state)
{
	struct bundle *b = job_fixture_bundle();

	(void)state;
	str_clip(b->image.nfs_root, sizeof(b->image.nfs_root), "grml/live");
	for (const char *const *p = bundle_image_arg_names; *p; p++) {
		char args[100];

		snprintf(args, sizeof(args), "a=${%s}", *p);
		free(build(b, args));
	}
	free(b);
}

static void
test_nfs_root(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct script_params p = {.bundle = b,
	    .ticket = &ticket,
	    .site = "los",
	    .url = "http://[fd77::1]:8080",
	    .images = "/srv/images"};
	struct error err;
	char *text = NULL;

	(void)state;
	refused(b, "nfsroot=${nfs}", -ENOENT, "image-args");
	str_clip(b->image.nfs_root, sizeof(b->image.nfs_root), "grml/live");
	text = build(b, "nfsroot=${nfs}");
	has(text, " nfsroot=10.77.0.1:/srv/images/grml/live ");
	free(text);
	assert_int_equal(script_build(&p, &text, &err), 0);
	has(text, " nfsroot=[fd77::1]:/srv/images/grml/live ");
	free(text);
	free(b);
}

/* A template is no iPXE script: quotes, blanks and lines stay as they are. */
static void
test_expand(void **state)
{
	struct bundle *b = job_fixture_bundle();
	struct script_params p = {.bundle = b,
	    .ticket = &ticket,
	    .site = "los",
	    .url = "http://10.77.0.1:8080"};
	struct error err;
	char *text = NULL;

	(void)state;
	assert_int_equal(
	    script_expand(
		&p, "# \"it's\" ${host.name} && $x $${y}\nr=${report}\n", &text, &err),
	    0);
	assert_string_equal(text,
	    "# \"it's\" edge01 && $x ${y}\n"
	    "r=http://10.77.0.1:8080/report/0123456789abcdefghjkmnpqrs\n");
	free(text);
	assert_int_equal(
	    script_expand(&p, "a\nb\n${host.label.rack}", &text, &err), -ENOENT);
	has(err.text, "line 3: ${host.label.rack}");
	b->host.n_nics = 0;
	assert_int_equal(script_expand(&p, "", &text, &err), -EINVAL);
	assert_string_equal(err.code, "no-boot-mac");
	free(b);
}

static void
test_refused(void **state)
{
	struct bundle *b = job_fixture_bundle();
	char *longest = str_alloc(BUNDLE_ARGS_MAX);

	(void)state;
	refused(b, "rack=${host.label.rack}", -ENOENT, "image-args");
	refused(b, "x=${file.none}", -ENOENT, "image-args");
	refused(b, "a && sanboot", -EINVAL, "image-args");
	refused(b, "a || reboot", -EINVAL, "image-args");
	refused(b, "a\nexit 0", -EINVAL, "image-args");
	refused(b, "a=\"b c\"", -EINVAL, "image-args");
	refused(b, "a=\\", -EINVAL, "image-args");
	refused(b, "${host.name", -EINVAL, "image-args");
	/* iPXE takes these for the end of a command where they begin or are a word. */
	refused(b, "a #b", -EINVAL, "image-args");
	refused(b, "#b", -EINVAL, "image-args");
	refused(b, "a ; reboot", -EINVAL, "image-args");
	str_clip(b->host.labels[0].value, sizeof(b->host.labels[0].value), "a b");
	refused(b, "r=${host.label.role}", -EINVAL, "image-args");
	str_clip(b->host.labels[0].value, sizeof(b->host.labels[0].value), "${net0/ip}");
	refused(b, "r=${host.label.role}", -EINVAL, "image-args");
	str_clip(b->host.labels[0].value, sizeof(b->host.labels[0].value), ";");
	refused(b, "a ${host.label.role} reboot", -EINVAL, "image-args");
	str_clip(b->host.labels[0].value, sizeof(b->host.labels[0].value), "#1");
	refused(b, "rack ${host.label.role}", -EINVAL, "image-args");
	memset(longest, 'x', BUNDLE_ARGS_MAX - 1);
	refused(b, longest, -EMSGSIZE, "image-args");
	free(longest);
	b->host.n_nics = 0;
	refused(b, "", -EINVAL, "no-boot-mac");
	free(b);
}

/* Names of files stand in commands and URLs as they are. */
static void
test_file_names(void **state)
{
	static const char *const names[] = {
	    "#x", "||", "a&&b", "${net0}", "a?b", "a%20b", "a\"b"};
	struct bundle *b = job_fixture_bundle();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		str_clip(b->image.kernel.name, sizeof(b->image.kernel.name), names[i]);
		refused(b, "", -EINVAL, "image-args");
	}
	str_clip(b->image.kernel.name, sizeof(b->image.kernel.name), "vmlinuz");
	str_clip(b->image.initrds[0].name, sizeof(b->image.initrds[0].name), ";");
	refused(b, "", -EINVAL, "image-args");
	str_clip(b->image.initrds[0].name, sizeof(b->image.initrds[0].name),
	    "initrd_6.1+a~b@c:d=e,f-g.img");
	free(build(b, ""));
	free(b);
}

static void
test_url(void **state)
{
	static const char *const urls[] = {"", "ftp://x", "http://x\nreboot",
	    "http://x/#", "http://x ", "http://x/${y}", "http://x||y", "http://x\\"};
	struct bundle *b = job_fixture_bundle();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		struct script_params p = {
		    .bundle = b, .ticket = &ticket, .site = "los", .url = urls[i]};
		struct error err = {.code = ""};
		char *text = NULL;

		assert_int_equal(script_build(&p, &text, &err), -EINVAL);
		assert_null(text);
		assert_string_equal(err.code, "no-site-url");
		assert_string_not_equal(err.next, "");
	}
	free(b);
}

static void
test_boot_nic(void **state)
{
	struct bundle *b = job_fixture_bundle();
	char name[SCRIPT_NAME_SIZE];

	(void)state;
	b->host.nics[1] = b->host.nics[0];
	b->host.nics[1].mac.b[5] = 2;
	b->host.n_nics = 2;
	assert_int_equal(script_name(&b->host, name), 0);
	assert_string_equal(name, "script.ipxe-52:54:00:77:00:01");
	b->host.nics[1].boot = true;
	assert_int_equal(script_name(&b->host, name), 0);
	assert_string_equal(name, "script.ipxe-52:54:00:77:00:02");
	b->host.n_nics = 0;
	assert_int_equal(script_name(&b->host, name), -EINVAL);
	assert_null(script_boot_nic(&b->host));
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_substitution),
	    cmocka_unit_test(test_ipv6_only),
	    cmocka_unit_test(test_files_and_families),
	    cmocka_unit_test(test_ipv4_only_systems),
	    cmocka_unit_test(test_settings_of_a_menu),
	    cmocka_unit_test(test_menu_args),
	    cmocka_unit_test(test_every_name_is_known),
	    cmocka_unit_test(test_nfs_root),
	    cmocka_unit_test(test_expand),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_file_names),
	    cmocka_unit_test(test_url),
	    cmocka_unit_test(test_boot_nic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
