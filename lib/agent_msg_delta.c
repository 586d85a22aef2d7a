// SPDX-License-Identifier: GPL-3.0-or-later
/* The member `table_delta` of a poll's answer: JSON <-> struct.
 *
 * Entry points: agent_msg_delta_to_json(), agent_msg_delta_from_json(), agent_msg_delta_done().
 * Ownership: a decoded delta owns what it points to. Failure modes: -EINVAL with the member's path in *err. One bad host refuses all of it,
 * as it does in a whole table. */
#include "lib/agent_msg_delta.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/str.h"
#include "lib/table_sum.h"

enum { HOSTS_MAX = 100000 };

json_t *
agent_msg_delta_to_json(const struct agent_msg_delta *m)
{
	json_t *v = json_object(), *hosts = json_array(), *gone = json_array();

	for (size_t i = 0; i < m->n_hosts; i++)
		json_array_append_new(hosts, bundle_host_to_json(&m->hosts[i]));
	for (size_t i = 0; i < m->n_gone; i++)
		json_array_append_new(gone, json_string(m->gone[i]));
	json_put_i64(v, "from", m->from);
	json_put_i64(v, "to", m->to);
	table_sum_put(v, "digest", m->digest);
	if (m->head != NULL)
		json_put(v, "site", bundle_site_to_json(m->head));
	json_put(v, "hosts", hosts);
	json_put(v, "gone", gone);
	return v;
}

static int
read_list(const json_t *v, const char *key, json_t **ret, struct error *err)
{
	if (json_opt_arr(v, key, ret, err) < 0)
		return -EINVAL;
	if (json_array_size(*ret) > HOSTS_MAX)
		return error_set(
		    err, -EINVAL, "bad-value", NULL, "%s: more than %d", key, HOSTS_MAX);
	return 0;
}

static int
read_hosts(const json_t *v, struct agent_msg_delta *m, struct error *err)
{
	json_t *list = NULL;

	if (read_list(v, "hosts", &list, err) < 0)
		return -EINVAL;
	m->hosts = str_alloc((json_array_size(list) + 1) * sizeof(m->hosts[0]));
	for (; m->n_hosts < json_array_size(list); m->n_hosts++) {
		if (bundle_host_of_table(json_array_get(list, m->n_hosts),
			&m->hosts[m->n_hosts], &m->n_strange, err) < 0) {
			error_prefix(err, "hosts[%zu]", m->n_hosts);
			return -EINVAL;
		}
	}
	return 0;
}

static int
read_gone(const json_t *v, struct agent_msg_delta *m, struct error *err)
{
	json_t *list = NULL;

	if (read_list(v, "gone", &list, err) < 0)
		return -EINVAL;
	m->gone = str_alloc((json_array_size(list) + 1) * sizeof(m->gone[0]));
	for (; m->n_gone < json_array_size(list); m->n_gone++) {
		const char *name = json_string_value(json_array_get(list, m->n_gone));

		if (!str_name_valid(name) ||
		    str_copy(m->gone[m->n_gone], sizeof(m->gone[0]), name) < 0)
			return error_set(err, -EINVAL, "bad-value", NULL,
			    "gone[%zu]: not a host's name", m->n_gone);
	}
	return 0;
}

static int
read_head(const json_t *v, struct agent_msg_delta *m, struct error *err)
{
	json_t *head = NULL;

	if (json_opt_obj(v, "site", &head, err) < 0)
		return -EINVAL;
	if (head == NULL)
		return 0;
	m->head = str_alloc(sizeof(*m->head));
	if (bundle_site_from_json(head, m->head, err) == 0) {
		m->n_strange = m->head->n_strange;
		return 0;
	}
	error_prefix(err, "site");
	return -EINVAL;
}

int
agent_msg_delta_from_json(const json_t *v, struct agent_msg_delta *ret, struct error *err)
{
	struct agent_msg_delta m = {.from = 0};

	if (json_get_i64(v, "from", &m.from, err) < 0 ||
	    json_get_i64(v, "to", &m.to, err) < 0 ||
	    table_sum_get(v, "digest", &m.digest, err) < 0 || read_head(v, &m, err) < 0 ||
	    read_hosts(v, &m, err) < 0 || read_gone(v, &m, err) < 0) {
		agent_msg_delta_done(&m);
		return -EINVAL;
	}
	*ret = m;
	return 0;
}

void
agent_msg_delta_done(struct agent_msg_delta *m)
{
	if (m == NULL)
		return;
	bundle_site_done(m->head);
	free(m->head);
	free(m->hosts);
	free(m->gone);
	*m = (struct agent_msg_delta){.from = 0};
}
