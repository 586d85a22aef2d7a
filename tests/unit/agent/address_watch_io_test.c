/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/address_watch_io.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/str.h"
#include "tests/unit/agent/job_fixture.h"

struct told {
	unsigned n;
	char last[INET6_ADDRSTRLEN];
};

struct wire {
	union {
		struct nlmsghdr head;
		char octets[1024];
	} u;
	size_t len;
};

static void
gone(void *arg, const char *address)
{
	struct told *t = arg;

	t->n++;
	str_clip(t->last, sizeof(t->last), address);
}

static struct nlmsghdr *
begin(struct wire *w, unsigned short type, unsigned char family)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(w->u.octets + w->len);
	struct ifaddrmsg *m = NLMSG_DATA(h);

	*h = (struct nlmsghdr){.nlmsg_type = type, .nlmsg_len = NLMSG_LENGTH(sizeof(*m))};
	*m = (struct ifaddrmsg){.ifa_family = family};
	return h;
}

static void
put(struct nlmsghdr *h, unsigned short type, unsigned char family, const char *address)
{
	struct rtattr *a = (struct rtattr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));
	size_t size = family == AF_INET ? 4 : 16;

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	assert_int_equal(inet_pton(family, address, RTA_DATA(a)), 1);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_LENGTH(size);
}

static void
end(struct wire *w, const struct nlmsghdr *h)
{
	w->len += NLMSG_ALIGN(h->nlmsg_len);
}

/* One that is gone: of a link with a peer the own one is told. */
static void
put_gone(struct wire *w, const char *peer, const char *own)
{
	struct nlmsghdr *h = begin(w, RTM_DELADDR, AF_INET);

	put(h, IFA_ADDRESS, AF_INET, peer);
	put(h, IFA_LOCAL, AF_INET, own);
	end(w, h);
}

static void
test_what_is_gone_is_told(void **state UNUSED)
{
	struct wire w = {.len = 0};
	struct told t = {.n = 0};
	struct nlmsghdr *h = begin(&w, RTM_NEWADDR, AF_INET);

	put(h, IFA_LOCAL, AF_INET, "10.0.0.9");
	end(&w, h);
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	assert_int_equal(t.n, 0);
	put_gone(&w, "10.0.0.1", "10.0.0.2");
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.last, "10.0.0.2");
	h = begin(&w, RTM_DELADDR, AF_INET6);
	put(h, IFA_ADDRESS, AF_INET6, "fd99::2");
	end(&w, h);
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	assert_int_equal(t.n, 3);
	assert_string_equal(t.last, "fd99::2");
}

static void
test_what_cannot_be_read_is_passed_over(void **state UNUSED)
{
	struct wire w = {.len = 0};
	struct told t = {.n = 0};
	struct nlmsghdr *h = begin(&w, RTM_DELADDR, AF_INET);
	struct rtattr *a = (struct rtattr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));

	put(h, IFA_LOCAL, AF_INET, "10.0.0.2");
	end(&w, h);
	for (size_t len = 0; len < w.len; len++)
		address_watch_io_read(w.u.octets, len, gone, &t);
	assert_int_equal(t.n, 0);
	a->rta_len = 200;
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	a->rta_len = 0;
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	a->rta_len = (unsigned short)RTA_LENGTH(3);
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	a->rta_len = (unsigned short)RTA_LENGTH(3);
	h->nlmsg_len -= 1; /* the last one ends where no other could begin */
	address_watch_io_read(w.u.octets, w.len - 1, gone, &t);
	h->nlmsg_len = 3;
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	h->nlmsg_len = UINT32_MAX;
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	begin(&w, RTM_DELADDR, AF_INET)->nlmsg_len = NLMSG_LENGTH(1);
	address_watch_io_read(w.u.octets, w.len, gone, &t);
	assert_int_equal(t.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_gone_is_told),
	    cmocka_unit_test(test_what_cannot_be_read_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
