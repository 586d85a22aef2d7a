/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bootd.yaml: what is read, the defaults, and how each kind of mistake is named. */
#include "boot-services/bootd_config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int
parse(const char *text, struct bootd_config *cfg, struct error *err)
{
	return bootd_config_parse("bootd.yaml", text, strlen(text), cfg, err);
}

static void
values_and_defaults(void **state UNUSED)
{
	static const char text[] =
	    "interfaces: [eth1]\n"
	    "ports: {http: 8080}\n"
	    "peers: [10.40.0.0/24, 'fd40::/64']\n"
	    "loaders: [{arch: 0x07, file: ipxe.efi}, {arch: 27, file: riscv/snp.efi}]\n"
	    "limits: {http_stall_timeout: 5s, tftp_windowsize: 16}\n"
	    "site: {name: los, unknown: lease, idle: silent}\n"
	    "subnets:\n"
	    "  - {prefix: 10.77.0.0/24, gateway: 10.77.0.1, dns: [9.9.9.9], lease: 12h,\n"
	    "     pool: [10.77.0.100, 10.77.0.199], domain: los.example}\n"
	    "hosts:\n"
	    "  - {name: edge01, macs: ['52:54:00:77:00:01', 52-54-00-77-00-02], ip: "
	    "10.77.0.11,\n"
	    "     idle: local, local_boot: sanboot, firmware: bios,\n"
	    "     boot: {kernel: /d/vmlinuz, initrds: [d/initrd.gz], args: quiet, order: "
	    "'1'}}\n"
	    "  - {name: edge02, nics: [{mac: 5254.0077.0003, ip: 10.77.0.12, boot: "
	    "yes}]}\n";
	struct bootd_config cfg;
	struct error err = {0};

	assert_int_equal(parse(text, &cfg, &err), 0);
	assert_int_equal(cfg.n_ifaces, 1);
	assert_string_equal(cfg.ifaces[0], "eth1");
	assert_int_equal(cfg.http_port, 8080);
	assert_int_equal(cfg.dhcp4_port, 67);
	assert_true(
	    cfg.dhcp4 && cfg.tftp && cfg.http && cfg.authoritative && cfg.events_stdout);
	assert_true(cfg.dhcp6 && !cfg.dhcp6_rapid_commit);
	assert_int_equal(cfg.n_peers, 2);
	assert_int_equal(cfg.peers[0].len, 24);
	assert_int_equal(cfg.dhcp6_port, 547);
	assert_string_equal(cfg.user, "netboot-bootd");
	assert_string_equal(cfg.images_root, "/srv/netboot/images");
	assert_int_equal(cfg.http_stall_timeout_us, 5000000);
	assert_int_equal(cfg.http_header_timeout_us, 10000000);
	assert_int_equal(cfg.tftp_max_windowsize, 16);
	assert_string_equal(cfg.site.name, "los");
	assert_true(cfg.site.answer_unknown);
	assert_int_equal(cfg.site.idle, BUNDLE_IDLE_SILENT);
	assert_int_equal(cfg.site.n_subnets, 1);
	assert_int_equal(cfg.site.subnets[0].lease_s, 43200);
	assert_int_equal(cfg.site.n_hosts, 2);
	assert_int_equal(cfg.site.hosts[0].n_nics, 2);
	assert_int_equal(cfg.site.hosts[0].idle, BUNDLE_IDLE_LOCAL);
	assert_int_equal(cfg.site.hosts[0].local_boot, BUNDLE_LOCAL_SANBOOT);
	assert_int_equal(addr_ip_v4(&cfg.site.hosts[0].nics[0].ip), 0x0a4d000b);
	assert_int_equal(cfg.site.hosts[1].idle, BUNDLE_IDLE_SILENT);
	assert_true(cfg.site.hosts[1].nics[0].boot);
	assert_int_equal(cfg.n_boots, 1);
	assert_int_equal(cfg.boots[0].host, 0);
	assert_string_equal(cfg.boots[0].kernel, "d/vmlinuz");
	assert_string_equal(cfg.boots[0].initrds[0], "d/initrd.gz");
	bootd_config_done(&cfg);
}

static void
ipv6_values_and_defaults(void **state UNUSED)
{
	static const char text[] =
	    "interfaces: [eth1]\n"
	    "services: {dhcp6: true, ra: true}\n"
	    "ports: {dhcp6: 10547, dhcp6_client: 10546}\n"
	    "subnets:\n"
	    "  - {prefix: 'fd77::/64', dns: ['fd77::53'], pool: ['fd77::100', "
	    "'fd77::1ff'],\n"
	    "     ra: stateless, router_lifetime: 30m, mtu: 1400, relay: 'fd78::0:1'}\n"
	    "  - {prefix: 'fd79::/64', router_lifetime: '0'}\n"
	    "  - {prefix: 'fd7a::/64', ra: off}\n"
	    "  - {prefix: 10.0.0.0/24}\n"
	    "hosts:\n"
	    "  - {name: a, macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'], ip: "
	    "10.0.0.7,\n"
	    "     ip6: 'fd77::7', uuid: 12345678-1234-1234-1234-123456789ABC}\n"
	    "  - {name: b, nics: [{mac: '52:54:00:00:00:03', ip6: 'fd79::8'}]}\n";
	struct bootd_config cfg;
	struct error err = {0};
	char buf[ADDR_IP_TEXT];

	assert_int_equal(parse(text, &cfg, &err), 0);
	assert_true(cfg.dhcp6 && cfg.ra && cfg.dhcp4 && !cfg.dhcp4_proxy);
	assert_int_equal(cfg.dhcp6_port, 10547);
	assert_int_equal(cfg.dhcp6_client_port, 10546);
	const struct bundle_subnet *s = cfg.site.subnets;
	assert_int_equal(s[0].ra, BUNDLE_RA_STATELESS);
	assert_int_equal(s[0].router_s, 1800);
	assert_int_equal(s[0].mtu, 1400);
	assert_string_equal(s[0].relay, "fd78::1"); /* as it is compared with */
	assert_int_equal(s[1].ra, BUNDLE_RA_MANAGED);
	assert_int_equal(s[1].router_s, 0);
	assert_int_equal(s[1].mtu, 0);
	assert_int_equal(s[2].ra, BUNDLE_RA_OFF);
	assert_int_equal(s[3].ra, BUNDLE_RA_OFF);
	const struct bundle_host *h = cfg.site.hosts;
	assert_string_equal(addr_ip_text(&h[0].nics[0].ip6, buf, sizeof(buf)), "fd77::7");
	assert_false(addr_ip_is_set(&h[0].nics[1].ip6));
	assert_string_equal(h[0].uuid, "12345678-1234-1234-1234-123456789abc");
	assert_string_equal(addr_ip_text(&h[1].nics[0].ip6, buf, sizeof(buf)), "fd79::8");
	bootd_config_done(&cfg);
	assert_int_equal(parse("interfaces: [e]\n", &cfg, &err), 0);
	assert_int_equal(cfg.dhcp6_port, 547);
	assert_int_equal(cfg.dhcp6_client_port, 546);
	bootd_config_done(&cfg);
}

static void
dhcp4_is_on_off_or_proxy(void **state UNUSED)
{
	static const struct {
		const char *word;
		bool on, proxy;
	} table[] = {
	    {"on", true, false},
	    {"true", true, false},
	    {"yes", true, false},
	    {"off", false, false},
	    {"false", false, false},
	    {"no", false, false},
	    {"proxy", true, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct bootd_config cfg;
		struct error err = {0};
		char text[80];

		snprintf(text, sizeof(text), "interfaces: [e]\nservices: {dhcp4: %s}\n",
		    table[i].word);
		assert_int_equal(parse(text, &cfg, &err), 0);
		assert_int_equal(cfg.dhcp4, table[i].on);
		assert_int_equal(cfg.dhcp4_proxy, table[i].proxy);
		bootd_config_done(&cfg);
	}
}

static const char *
loader(const struct bootd_config *cfg, uint16_t arch)
{
	for (size_t i = 0; i < cfg->n_loaders; i++)
		if (cfg->loaders[i].arch == arch)
			return cfg->loaders[i].file;
	return NULL;
}

static void
loaders_override_the_defaults(void **state UNUSED)
{
	struct bootd_config cfg;
	struct error err = {0};

	assert_int_equal(
	    parse("interfaces: [e]\n"
		  "loaders: [{arch: 0x07, file: ipxe.efi}, {arch: 0, file: ''}]\n",
		&cfg, &err),
	    0);
	assert_string_equal(loader(&cfg, 7), "ipxe.efi");
	assert_string_equal(loader(&cfg, 9), "snponly.efi");
	assert_string_equal(loader(&cfg, 0x10), "snponly.efi");
	assert_string_equal(loader(&cfg, 0), "");
	bootd_config_done(&cfg);
}

static void
json_from_the_agent(void **state UNUSED)
{
	static const char text[] =
	    "{\"interfaces\":[\"eth1\"],\"dirs\":{\"images\":\"\\/srv\\/netboot\\/"
	    "images\"},"
	    "\"services\":{\"dhcp4\":true},\"ports\":{\"http\":80},"
	    "\"site\":{\"name\":\"los\",\"idle\":\"local\"}}";
	struct bootd_config cfg;
	struct error err = {0};

	assert_int_equal(parse(text, &cfg, &err), 0);
	assert_string_equal(cfg.images_root, "/srv/netboot/images");
	bootd_config_done(&cfg);
}

static void
subnets_of_ipv6(void **state UNUSED)
{
	static const char text[] =
	    "interfaces: [eth1]\n"
	    "services: {ra: false}\n"
	    "subnets:\n"
	    "  - {prefix: 'fd77::/64', ra: stateless, router_lifetime: 30m, mtu: 1400}\n"
	    "  - {prefix: 'fd78::/64', router_lifetime: '0'}\n";
	struct bootd_config cfg;
	struct error err = {0};

	assert_int_equal(parse(text, &cfg, &err), 0);
	assert_false(cfg.ra);
	assert_int_equal(cfg.site.subnets[0].ra, BUNDLE_RA_STATELESS);
	assert_int_equal(cfg.site.subnets[0].router_s, 1800);
	assert_int_equal(cfg.site.subnets[0].mtu, 1400);
	assert_int_equal(cfg.site.subnets[1].ra, BUNDLE_RA_MANAGED);
	assert_int_equal(cfg.site.subnets[1].router_s + cfg.site.subnets[1].mtu, 0);
	bootd_config_done(&cfg);
}

#define SUBNET "subnets: [{prefix: 10.0.0.0/24}]\n"

static const struct {
	const char *text, *message;
} mistakes[] = {
    {"", "bootd.yaml:1: the document is empty"},
    {"[]\n", "bootd.yaml:1: a mapping is expected here, not a list"},
    {"interfaces: [e]\n\tuser: x\n", "bootd.yaml:2: not YAML: "},
    {"interfaces: [e]\nuser: x\nprots: {}\n", "bootd.yaml:3: prots: unknown key"},
    {"interfaces: [e]\nports:\n  dhcp4: 67\n  htp: 80\n",
	"bootd.yaml:4: ports.htp: unknown key"},
    {"interfaces: [e]\nports:\n  http: 70000\n",
	"bootd.yaml:3: ports.http: 70000 is not between 1 and 65535"},
    {"interfaces: [e]\nports:\n  http: web\n",
	"bootd.yaml:3: ports.http: 'web' is no whole number"},
    {"interfaces: [e]\npeers:\n- 10.40.0.0/24\n- abj\n",
	"bootd.yaml:4: peers[1]: not a network such as 10.40.0.0/24"},
    {"user: x\n", "bootd.yaml:1: interfaces: at least one interface is needed"},
    {"interfaces: [e, 'a/b']\n", "bootd.yaml:1: interfaces[1]: not an interface name"},
    {"interfaces:\n- e\n- e\n", "bootd.yaml:3: interfaces[1]: named twice"},
    {"interfaces: [a2345678901234567]\n",
	"bootd.yaml:1: interfaces[0]: not an interface name"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  router_lifetime: 9001s\n",
	"bootd.yaml:4: subnets[0].router_lifetime: not a duration of at most 9000s"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  mtu: 1279\n",
	"bootd.yaml:4: subnets[0].mtu: not between 1280"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  ra: managed\n",
	"bootd.yaml:3: subnets[0].prefix: ra, router_lifetime and mtu are for IPv6"},
    {"interfaces: [e]\nuser: root\n", "bootd.yaml:2: user: must not be root"},
    {"interfaces: [e]\ndirs: {images: srv}\n",
	"bootd.yaml:2: dirs.images: must be an absolute"},
    {"interfaces: [e]\ndirs: {images: /srv/netboot/loaders//images}\n",
	"bootd.yaml:2: dirs.images: /srv/netboot/loaders//images lies in dirs.loaders"},
    {"interfaces: [e]\ndirs:\n  images: /srv/tftp\n  loaders: /srv/tftp/\n",
	"bootd.yaml:3: dirs.images: /srv/tftp lies in dirs.loaders"},
    {"interfaces: [e]\ndirs: {loaders: /srv/netboot}\n",
	"bootd.yaml:2: dirs.loaders: /srv/netboot/images lies in dirs.loaders"},
    {"interfaces: [e]\ndirs: {loaders: /, images: /srv/netboot/images}\n",
	"bootd.yaml:2: dirs.images: /srv/netboot/images lies in dirs.loaders"},
    {"interfaces: [e]\ndirs: {loaders: /usr, scripts: /lib}\n", /* a link */
	"bootd.yaml:2: dirs.scripts: /lib lies in dirs.loaders (/usr)"},
    {"interfaces: [e]\nsite: {idle: lokal}\n", "bootd.yaml:2: site.idle: 'lokal' is none "
					       "of the words for this key: local, menu, "
					       "silent"},
    {"interfaces: [e]\nlimits: {http_idle_timeout: soon}\n",
	"bootd.yaml:2: limits.http_idle_timeout: not a duration"},
    {"interfaces: [e]\nloaders: [{arch: 7, file: ../x}]\n",
	"bootd.yaml:2: loaders[0].file: must be a path below"},
    {"interfaces: [e]\nloaders: [{arch: 70000, file: x}]\n",
	"bootd.yaml:2: loaders[0].arch: not an architecture"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/33\n",
	"bootd.yaml:3: subnets[0].prefix: not a prefix"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  gateway: 10.0.1.1\n",
	"bootd.yaml:4: subnets[0].gateway: not inside the prefix"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  pool: [10.0.0.9, 10.0.0.3]\n",
	"bootd.yaml:4: subnets[0].pool: the first address is above the last"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  pool: [10.0.0.9]\n",
	"bootd.yaml:4: subnets[0].pool: needs the first and the last"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  lease: 5s\n",
	"bootd.yaml:4: subnets[0].lease: not a duration between 60s and 366d"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/16\n- prefix: 10.0.3.0/24\n",
	"bootd.yaml:4: subnets[1].prefix: overlaps subnets[0]"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  dns: [dns.example]\n",
	"bootd.yaml:4: subnets[0].dns[0]: not an IPv4 address"},
    {"interfaces: [e]\nhosts:\n- macs: ['52:54:00:00:00:01']\n",
	"bootd.yaml:3: hosts[0]: key 'name' is missing"},
    {"interfaces: [e]\nservices: {dhcp4: maybe}\n", "bootd.yaml:2: services.dhcp4: "},
    {"interfaces: [e]\nports: {dhcp6: 0}\n",
	"bootd.yaml:2: ports.dhcp6: 0 is not between 1 and 65535"},
    {"services: {dhcp4: off, ra: true}\n",
	"bootd.yaml:1: interfaces: at least one interface is needed"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/56\n",
	"bootd.yaml:3: subnets[0].prefix: not a prefix such as"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  gateway: fd77::1\n",
	"bootd.yaml:4: subnets[0].gateway: IPv6 hosts learn their router"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  dns: [10.0.0.1]\n",
	"bootd.yaml:4: subnets[0].dns[0]: not an IPv6 address"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  relay: 10.0.0.1\n",
	"bootd.yaml:4: subnets[0].relay: not an IPv6 address"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  ra: on\n",
	"bootd.yaml:4: subnets[0].ra: 'on' is none of the words"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  router_lifetime: 9001s\n",
	"bootd.yaml:4: subnets[0].router_lifetime: not a duration of at most 9000s"},
    {"interfaces: [e]\nsubnets:\n- prefix: fd77::/64\n  mtu: 1279\n",
	"bootd.yaml:4: subnets[0].mtu: not between 1280 and 65535"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  mtu: 1500\n",
	"bootd.yaml:3: subnets[0].prefix: ra, router_lifetime and mtu are for IPv6"},
    {"interfaces: [e]\nsubnets:\n- prefix: 10.0.0.0/24\n  ra: off\n",
	"bootd.yaml:3: subnets[0].prefix: ra, router_lifetime and mtu are for IPv6"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip: 'fd77::7'}\n",
	"bootd.yaml:4: hosts[0].macs[0]: not an IPv4 address"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip6: 10.0.0.7}\n",
	"bootd.yaml:4: hosts[0].macs[0]: not an IPv6 address"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip6: 'fd77::7'}\n",
	"bootd.yaml:4: hosts[0]: its fixed address is in none of the subnets"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, nics: [{mac: '52:54:00:00:00:01'}], ip6: 'fd77::7'}\n",
	"bootd.yaml:4: hosts[0]: 'ip' and 'ip6' belong to the first of 'macs'"},
    {"interfaces: [e]\nsubnets: [{prefix: 'fd77::/64'}]\n"
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip6: 'fd77::'}\n",
	"bootd.yaml:4: hosts[0]: no host may have its fixed address"},
    {"interfaces: [e]\nsubnets: [{prefix: 'fd77::/64'}]\n"
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip6: 'fd77::5'}\n"
     "- {name: b, macs: ['52:54:00:00:00:02'], ip6: 'fd77::0:5'}\n",
	"bootd.yaml:5: hosts[1]: address fd77::5 of host b belongs to host a"},
    {"interfaces: [e]\nhosts:\n- name: a\n  macs: ['52:54:00:00:00:01']\n  uuid: x\n",
	"bootd.yaml:5: hosts[0].uuid: not a UUID"},
    {"interfaces: [e]\nhosts:\n- name: a\n",
	"bootd.yaml:3: hosts[0]: key 'macs' or 'nics'"},
    {"interfaces: [e]\nhosts:\n- name: a b\n  macs: ['52:54:00:00:00:01']\n",
	"bootd.yaml:3: hosts[0].name: not a host name"},
    {"interfaces: [e]\nhosts:\n- name: a\n  macs:\n  - 52:54:00:00:00:01\n  - "
     "52:54:00:00:00\n",
	"bootd.yaml:6: hosts[0].macs[1]: not a MAC address"},
    {"interfaces: [e]\n" SUBNET "hosts:\n- name: a\n  macs: ['52:54:00:00:00:01']\n"
     "- name: b\n  macs: ['52:54:00:00:00:01']\n",
	"bootd.yaml:6: hosts[1]: MAC address 52:54:00:00:00:01 of host b belongs to host "
	"a"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip: 10.0.0.5}\n"
     "- {name: b, macs: ['52:54:00:00:00:02'], ip: 10.0.0.5}\n",
	"bootd.yaml:5: hosts[1]: address 10.0.0.5 of host b belongs to host a"},
    {"interfaces: [e]\n" SUBNET "hosts:\n- {name: a, macs: ['52:54:00:00:00:01']}\n"
     "- {name: a, macs: ['52:54:00:00:00:02']}\n",
	"bootd.yaml:5: hosts[1].name: there is another host of this name"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip: 10.9.0.5}\n",
	"bootd.yaml:4: hosts[0]: its fixed address is in none of the subnets"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip: 10.0.0.255}\n",
	"bootd.yaml:4: hosts[0]: no host may have its fixed address"},
    {"interfaces: [e]\n" SUBNET
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip: 10.0.0.0}\n",
	"bootd.yaml:4: hosts[0]: no host may have its fixed address"},
    {"interfaces: [e]\nsubnets: [{prefix: 10.0.0.0/24, gateway: 10.0.0.1}]\n"
     "hosts:\n- {name: a, macs: ['52:54:00:00:00:01'], ip: 10.0.0.1}\n",
	"bootd.yaml:4: hosts[0]: no host may have its fixed address"},
    {"interfaces: [e]\nsubnets: [{prefix: 10.0.0.0/24, gateway: 10.0.0.255}]\n",
	"bootd.yaml:2: subnets[0].gateway: not the address of a host"},
    {"interfaces: [e]\nhosts:\n- name: a\n  macs: ['52:54:00:00:00:01']\n  boot: {args: "
     "x}\n",
	"bootd.yaml:5: hosts[0].boot: key 'kernel' is missing"},
    {"interfaces: [e]\nhosts:\n- name: a\n  macs: ['52:54:00:00:00:01']\n"
     "  boot: {kernel: ../../etc/shadow}\n",
	"bootd.yaml:5: hosts[0].boot.kernel: must be a path below the images"},
    {"interfaces: [e]\nhosts:\n- name: a\n  macs: ['52:54:00:00:00:01']\n"
     "  boot: {kernel: k, args: \"a\\nb\"}\n",
	"bootd.yaml:5: hosts[0].boot.args: control characters"},
    {"interfaces: [e]\n---\nhosts: []\n", "bootd.yaml:2: a second document begins"},
    {"interfaces: [e]\nhosts: &x []\nsubnets: *x\n", "bootd.yaml:3: subnets: "},
};

static void
mistakes_name_file_line_and_key(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct bootd_config cfg;
		struct error err = {0};

		assert_true(parse(mistakes[i].text, &cfg, &err) < 0);
		assert_string_equal(err.code, "config");
		if (strncmp(err.text, mistakes[i].message, strlen(mistakes[i].message)) !=
		    0)
			fail_msg("%zu: \"%s\"\n   is: \"%s\"", i, mistakes[i].message,
			    err.text);
	}
}

static void
loads_files(void **state UNUSED)
{
	char path[] = "/tmp/bootd_config_test.XXXXXX";
	struct bootd_config cfg;
	struct error err = {0};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "interfaces: [e]\n", 16), 16);
	close(fd);
	assert_int_equal(bootd_config_load(path, path, &cfg, &err), 0);
	bootd_config_done(&cfg);
	unlink(path);
	assert_int_equal(bootd_config_load(path, path, &cfg, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(bootd_config_load("/tmp", "/tmp", &cfg, &err), -EINVAL);
	assert_int_equal(
	    bootd_config_load("/dev/zero", "/dev/zero", &cfg, &err), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_and_defaults),
	    cmocka_unit_test(ipv6_values_and_defaults),
	    cmocka_unit_test(dhcp4_is_on_off_or_proxy),
	    cmocka_unit_test(loaders_override_the_defaults),
	    cmocka_unit_test(json_from_the_agent),
	    cmocka_unit_test(subnets_of_ipv6),
	    cmocka_unit_test(mistakes_name_file_line_and_key),
	    cmocka_unit_test(loads_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
