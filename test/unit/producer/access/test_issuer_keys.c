/* Places of keys that never answer hold up their own tenant alone, and no longer than they are
 * believed. */
#include "access/issuer_keys.h"

#include "access/authority.h"
#include "access/unproved.h"
#include "ports/loop.h"
#include "producer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ISSUERS = 80,
	ALL_FETCHES = 64,
	FETCH_MS = 600000, /* behind the deadline: none ends by itself */
	DEADLINE_MS = 60000,
	STEP_MS = 2,
	HEAD_ROOM = 2048
};

static struct config config;
static struct producer producer;
static char here[] = "127.0.0.1", *networks[] = {here};

/* ---- whom the producer believes ---- */

static struct trust *trust;

struct trust *authority_trust(struct authority *a)
{
	return trust_hold(trust);
}

void authority_moved(struct authority *a)
{
}

void unproved_again(struct unproved *u, struct id issuer)
{
}

/* ---- a place of keys that answers when it is told to ---- */

static int listener, port;
/* those that have said nothing yet: who asks is on this thread, so nobody may wait for them */
static int silent[ISSUERS];
static size_t silent_n;
/* fd -1: its keys were not asked for, or the line is closed */
static struct visit {
	int fd, asked;
	bool cut;
} visits[ISSUERS];

static void place_open(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof at;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listener, ISSUERS), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	port = ntohs(at.sin_port);
	for (size_t i = 0; i < ISSUERS; i++)
		visits[i] = (struct visit){.fd = -1};
}

/* False: it has said nothing yet. */
static bool visit_take(int fd)
{
	char head[HEAD_ROOM] = "";
	int who = -1;

	if (recv(fd, head, sizeof head - 1, MSG_DONTWAIT) <= 0)
		return false;
	assert_int_equal(sscanf(head, "GET /%d ", &who), 1);
	assert_in_range(who, 0, ISSUERS - 1);
	assert_int_equal(visits[who].fd, -1);
	visits[who].fd = fd;
	visits[who].asked++;
	return true;
}

static void silent_hear(void)
{
	size_t n = 0;

	for (size_t i = 0; i < silent_n; i++)
		if (!visit_take(silent[i]))
			silent[n++] = silent[i];
	silent_n = n;
}

static void visit_close(struct visit *v)
{
	(void)close(v->fd);
	v->fd = -1;
}

static void place_step(void)
{
	char byte;
	int fd;

	while (silent_n < ISSUERS && (fd = accept(listener, NULL, NULL)) >= 0)
		silent[silent_n++] = fd;
	silent_hear();
	for (size_t i = 0; i < ISSUERS; i++)
		if (visits[i].fd >= 0 && recv(visits[i].fd, &byte, 1, MSG_DONTWAIT) == 0) {
			visits[i].cut = true;
			visit_close(&visits[i]);
		}
}

static void answer(int who, const char *body)
{
	char reply[HEAD_ROOM];
	const int len = snprintf(reply, sizeof reply,
		"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);

	assert_int_equal(send(visits[who].fd, reply, (size_t)len, 0), len);
}

static int asked(int from, int n)
{
	int sum = 0;

	for (int i = from; i < from + n; i++)
		sum += visits[i].asked;
	return sum;
}

/* ---- waiting ---- */

static struct loop_timer *step_timer, *deadline;
static bool (*is_done)(void);

static void too_late(void *owner)
{
	fail_msg("the deadline passed");
}

static void step(void *owner)
{
	place_step();
	if (is_done())
		loop_stop(producer.loop);
	else
		loop_timer_start(step_timer, STEP_MS);
}

static void until(bool (*done)(void))
{
	is_done = done;
	loop_timer_start(step_timer, 0);
	loop_timer_start(deadline, DEADLINE_MS);
	loop_run(producer.loop);
}

/* ---- issuers ---- */

static struct id id_of(int i)
{
	return (struct id){{[0] = 1, [14] = (uint8_t)(i / 256), [15] = (uint8_t)i}};
}

static void issuer_fill(struct trust_issuer *to, int i, int tenant)
{
	char url[64];

	(void)snprintf(url, sizeof url, "http://127.0.0.1:%d/%d", port, i);
	to->id = id_of(i);
	to->tenant = (struct id){{[0] = 2, [15] = (uint8_t)tenant}};
	to->algs = JWK_ALG(JWS_EDDSA);
	to->url = strdup(url);
	assert_non_null(to->url);
}

/* Of each tenant so many, from the first on; those behind n are believed no longer. */
static void believe(int n, int each)
{
	struct trust *old = trust;

	assert_int_equal(trust_new((size_t)n, &trust), ERR_OK);
	for (int i = 0; i < n; i++)
		issuer_fill(&trust->issuers[trust->issuers_n++], i, i / each);
	trust_release(old);
}

/* As a check does that finds no key. */
static void come(int from, int n)
{
	for (int i = from; i < from + n; i++) {
		assert_null(issuer_keys_hold(producer.issuer_keys, &trust->issuers[i]));
		issuer_keys_want(producer.issuer_keys, id_of(i));
	}
}

static int start(void **state)
{
	config.identity.allow_http = true;
	config.identity.fetch_timeout_ms = FETCH_MS;
	config.identity.stale_s = 60;
	config.identity.allow_networks.items = networks;
	config.identity.allow_networks.n = 1;
	producer.config = &config;
	place_open();
	return loop_new(&producer.loop) || loop_timer_new(producer.loop, step, NULL, &step_timer) ||
	       loop_timer_new(producer.loop, too_late, NULL, &deadline) ||
	       issuer_keys_new(&producer, &producer.issuer_keys);
}

static int stop(void **state)
{
	issuer_keys_free(producer.issuer_keys);
	loop_timer_free(step_timer);
	loop_timer_free(deadline);
	loop_free(producer.loop);
	trust_release(trust);
	trust = NULL;
	for (size_t i = 0; i < ISSUERS; i++)
		if (visits[i].fd >= 0)
			visit_close(&visits[i]);
	while (silent_n)
		(void)close(silent[--silent_n]);
	(void)close(listener);
	memset(&producer, 0, sizeof producer);
	return 0;
}

/* ---- tests ---- */

static bool other_tenant_is_asked(void)
{
	return visits[10].asked == 1 && asked(0, 10) >= ISSUER_KEYS_TENANT_MAX;
}

static bool fifth_is_asked(void)
{
	return visits[4].asked == 1;
}

/* promises: S1.1 */
static void test_a_tenant_has_its_part_and_the_rest_waits_its_turn(void **state)
{
	believe(20, 10);
	come(0, 11);
	until(other_tenant_is_asked);
	assert_int_equal(asked(0, 10), ISSUER_KEYS_TENANT_MAX);
	visit_close(&visits[2]);
	until(fifth_is_asked);
	assert_int_equal(asked(0, 10), ISSUER_KEYS_TENANT_MAX + 1);
}

static bool all_are_under_way(void)
{
	return asked(0, ISSUERS) >= ALL_FETCHES;
}

static bool one_more_is_asked(void)
{
	return asked(0, ISSUERS) > ALL_FETCHES;
}

/* promises: S1.1 */
static void test_who_finds_no_room_is_asked_as_soon_as_there_is(void **state)
{
	believe(ISSUERS, ISSUER_KEYS_TENANT_MAX);
	come(0, ISSUERS);
	until(all_are_under_way);
	assert_int_equal(visits[ALL_FETCHES].asked, 0);
	visit_close(&visits[7]);
	until(one_more_is_asked);
	assert_int_equal(visits[ALL_FETCHES].asked, 1);
}

static bool four_are_under_way(void)
{
	return asked(0, 4) == 4;
}

static bool last_is_cut(void)
{
	return visits[3].cut;
}

static bool last_is_asked_again(void)
{
	return visits[3].asked == 2;
}

/* promises: S1.1 */
static void test_a_fetch_ends_with_its_issuer(void **state)
{
	believe(4, 4);
	come(0, 4);
	until(four_are_under_way);
	believe(3, 4);
	until(last_is_cut);
	assert_true(visits[0].fd >= 0 && visits[1].fd >= 0 && visits[2].fd >= 0);
	/* registered anew it is another: it was not tried within the last 30 s */
	believe(4, 4);
	come(3, 1);
	until(last_is_asked_again);
}

static bool first_is_asked(void)
{
	return visits[0].asked == 1;
}

static bool has_keys(void)
{
	struct trust_issuer first = {0};
	struct jwk_set *set;

	issuer_fill(&first, 0, 0);
	set = issuer_keys_hold(producer.issuer_keys, &first);
	free(first.url);
	jwk_set_release(set);
	return set != NULL;
}

static bool has_no_keys(void)
{
	return !has_keys();
}

/* promises: S1.1 */
static void test_keys_are_forgotten_with_their_issuer(void **state)
{
	believe(1, 1);
	come(0, 1);
	until(first_is_asked);
	answer(0, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"a\",\"alg\":\"EdDSA\","
		  "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
	until(has_keys);
	believe(0, 1);
	until(has_no_keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_tenant_has_its_part_and_the_rest_waits_its_turn, start, stop),
		cmocka_unit_test_setup_teardown(
			test_who_finds_no_room_is_asked_as_soon_as_there_is, start, stop),
		cmocka_unit_test_setup_teardown(test_a_fetch_ends_with_its_issuer, start, stop),
		cmocka_unit_test_setup_teardown(
			test_keys_are_forgotten_with_their_issuer, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
