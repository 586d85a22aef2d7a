/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "orchestrator/webhook_config.h"

#include "fixture.h"
#include "orchestrator/orch_config.h"

static int
parse(const char *text, struct orch_config **ret, struct error *err)
{
	return orch_config_parse("o.yaml", text, strlen(text), ret, err);
}

#define BEGIN "webhooks:\n  - name: ops\n    url: https://hook.example/s3cr3t?x\n"

static void
all_keys_are_read(void **state)
{
	struct orch_config *c = NULL;
	struct error err = {.code = ""};

	(void)state;
	if (parse(BEGIN
		"    secret_file: /etc/netboot/hook.secret\n"
		"    on: [job.failed, boot.*, discovered]\n    timeout_s: 7\n    format: "
		"text\n"
		"  - name: chat\n    url: http://[::1]:8080/\n    on: [job.done]\n"
		"    template: '{\"text\": \"${title}\"}'\n",
		&c, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(c->n_webhooks, 2);
	assert_string_equal(c->webhooks[0].secret_file, "/etc/netboot/hook.secret");
	assert_int_equal(c->webhooks[0].n_on, 3);
	assert_string_equal(c->webhooks[0].on[1], "boot.*");
	assert_int_equal(c->webhooks[0].timeout_s, 7);
	assert_int_equal(c->webhooks[0].format, WEBHOOK_TEXT);
	assert_null(c->webhooks[0].secret);
	assert_int_equal(c->webhooks[1].timeout_s, 10);
	assert_int_equal(c->webhooks[1].format, WEBHOOK_JSON);
	assert_string_equal(c->webhooks[1].body_template, "{\"text\": \"${title}\"}");
	orch_config_free(c);
}

static void
faults_are_named_and_show_no_secret(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
	    {BEGIN, "webhooks[0]: key 'on' is missing"},
	    {BEGIN "    on: []\n", "webhooks[0].on"},
	    {BEGIN "    on: [job.failed]\n    secret: x\n",
		"o.yaml:5: webhooks[0].secret"},
	    {BEGIN "    on: [Job.failed]\n", "o.yaml:4: webhooks[0].on[0]"},
	    {BEGIN "    on: [job*]\n", "webhooks[0].on[0]"},
	    {BEGIN "    on: ['*']\n", "webhooks[0].on[0]"},
	    {BEGIN "    on: [job.]\n", "webhooks[0].on[0]"},
	    {BEGIN "    on: [job.*x]\n", "webhooks[0].on[0]"},
	    {BEGIN "    on: [a.b]\n    timeout_s: 61\n",
		"o.yaml:5: webhooks[0].timeout_s"},
	    {BEGIN "    on: [a.b]\n    format: html\n", "webhooks[0].format"},
	    {BEGIN "    on: [a.b]\n    secret_file: x\n", "webhooks[0].secret_file"},
	    {BEGIN "    on: [a.b]\n    ca_file: x\n", "webhooks[0].ca_file"},
	    {"webhooks:\n  - name: a\n    url: http://x\n    on: [a.b]\n    ca_file: "
	     "/x\n",
		"[0].ca_file"},
	    {BEGIN "    on: [a.b]\nretention: {events_days: 6}\n", "events_days"},
	    {BEGIN "    on: [a.b]\n    template: '${host}'\n",
		"o.yaml:5: webhooks[0].template"},
	    {BEGIN "    on: [a.b]\n    template: '\"${x}\"'\n", "webhooks[0].template"},
	    {BEGIN "    on: [a.b]\n    template: '\"x\"'\n    format: slack\n",
		"webhooks[0].template"},
	    {BEGIN "    on: [a.b]\n  - name: ops\n    url: https://x\n    on: [a.b]\n",
		"o.yaml:5: webhooks[1].name: there is another ops"},
	    {"webhooks:\n  - name: a b\n    url: https://x\n    on: [a.b]\n", "[0].name"},
	    {"webhooks:\n  - name: a\n    url: ftp://s3cr3t\n    on: [a.b]\n", "[0].url"},
	    {"webhooks:\n  - name: a\n    url: https:///s3cr3t\n    on: [a.b]\n",
		"[0].url"},
	    {"webhooks:\n  - name: a\n    url: https://u:s3cr3t@x\n    on: [a.b]\n",
		"[0].url"},
	    {"webhooks:\n  - name: a\n    url: https://x/#s3cr3t\n    on: [a.b]\n",
		"[0].url"},
	    {"webhooks:\n  - name: a\n    url: 'https://x/ s3cr3t'\n    on: [a.b]\n",
		"[0].url"},
	};
	struct orch_config *c = NULL;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		err = (struct error){.code = ""};
		if (parse(table[i].text, &c, &err) == 0)
			fail_msg("%s was taken", table[i].text);
		if (!strstr(err.text, table[i].says))
			fail_msg("%s: %s", table[i].says, err.text);
		if (strstr(err.text, "s3cr3t"))
			fail_msg("it shows a secret: %s", err.text);
	}
}

static void
an_address_is_shown_up_to_its_host(void **state)
{
	static const char *const table[][2] = {
	    {"https://hooks.example/services/T0/B0/xxxx", "https://hooks.example"},
	    {"http://10.0.0.1:8080?token=x", "http://10.0.0.1:8080"},
	    {"https://[2001:db8::1]:443/x", "https://[2001:db8::1]:443"},
	    {"nonsense", ""},
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		webhook_config_origin(table[i][0], buf, sizeof(buf));
		assert_string_equal(buf, table[i][1]);
	}
}

static void
secrets_are_read_from_their_file(void **state)
{
	struct fixture *f = *state;
	struct webhook_config c = {.name = NULL};
	struct error err = {.code = ""};
	char path[160], name[] = "ops";

	fixture_file(f, "secret", "0123456789abcdef\n");
	snprintf(path, sizeof(path), "%s/secret", f->root);
	c.name = name;
	c.secret_file = path;
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(webhook_config_open(&c, &err), -EINVAL);
	assert_non_null(strstr(err.text, "webhook ops: "));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(webhook_config_open(&c, &err), 0);
	assert_string_equal(c.secret, "0123456789abcdef");
	secret_free(c.secret);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_keys_are_read),
	    cmocka_unit_test(faults_are_named_and_show_no_secret),
	    cmocka_unit_test(an_address_is_shown_up_to_its_host),
	    FIXTURE_TEST(secrets_are_read_from_their_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
