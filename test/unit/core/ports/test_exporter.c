/* threads: yes */
/* A page of metrics from the loop, asked for by clients that are slow, rude or many. */
#include "ports/exporter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGE = 4 << 20, REPLY_MAX = LARGE + 4096 };

struct world {
	struct loop *loop;
	struct loop_wake *wake;
	struct loop_timer *guard;
	struct exporter *exporter;
	struct buf why;
	size_t padding; /* of the page */
	int pages;
	pthread_t client;
	const char *request;
	char *reply;
	size_t reply_len;
};

static void on_page(void *owner, struct buf *out)
{
	struct world *w = owner;

	w->pages++;
	buf_printf(out, "longhaul_slots 7\n");
	for (size_t i = 0; i < w->padding; i += 16)
		buf_text(out, "# some more text");
}

static void on_stop(void *owner)
{
	struct world *w = owner;

	loop_stop(w->loop);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->reply = calloc(1, REPLY_MAX);
	assert_non_null(w->reply);
	buf_init(&w->why, 1024);
	assert_int_equal(loop_new(&w->loop), ERR_OK);
	assert_int_equal(loop_wake_new(w->loop, on_stop, w, &w->wake), ERR_OK);
	assert_int_equal(loop_timer_new(w->loop, on_stop, w, &w->guard), ERR_OK);
	loop_timer_start(w->guard, 120000);
	assert_int_equal(
		exporter_open(w->loop, "127.0.0.1:0", on_page, w, &w->why, &w->exporter), ERR_OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	exporter_close(w->exporter);
	loop_timer_free(w->guard);
	loop_wake_free(w->wake);
	loop_free(w->loop);
	buf_clear(&w->why);
	free(w->reply);
	free(w);
	return 0;
}

static int dial(const struct world *w)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)exporter_port(w->exporter)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Sends the request and reads until the other side closes. */
static void *client(void *owner)
{
	struct world *w = owner;
	int fd = dial(w);
	ssize_t n = 1;

	if (fd >= 0 && write(fd, w->request, strlen(w->request)) > 0)
		while (n > 0 && w->reply_len < REPLY_MAX - 1) {
			n = read(fd, w->reply + w->reply_len, REPLY_MAX - 1 - w->reply_len);
			w->reply_len += n > 0 ? (size_t)n : 0;
		}
	if (fd >= 0)
		close(fd);
	loop_wake_send(w->wake);
	return NULL;
}

static void ask(struct world *w, const char *request)
{
	w->request = request;
	assert_int_equal(pthread_create(&w->client, NULL, client, w), 0);
	loop_run(w->loop);
	pthread_join(w->client, NULL);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

/* promises: C15 */
static void test_a_page_is_written_when_it_is_asked_for(void **state)
{
	struct world *w = *state;

	ask(w, GET("/metrics"));
	assert_non_null(strstr(w->reply, "HTTP/1.1 200"));
	assert_non_null(strstr(w->reply, "text/plain; version=0.0.4"));
	assert_non_null(strstr(w->reply, "longhaul_slots 7\n"));
	assert_int_equal(w->pages, 1);
}

static void test_a_large_page_gets_through_whole(void **state)
{
	struct world *w = *state;

	w->padding = LARGE;
	ask(w, GET("/metrics"));
	assert_true(w->reply_len > LARGE);
}

static void test_health_is_said_without_a_page(void **state)
{
	struct world *w = *state;

	ask(w, GET("/healthz"));
	assert_non_null(strstr(w->reply, "HTTP/1.1 200"));
	assert_int_equal(w->pages, 0);
}

static void test_nothing_else_is_there(void **state)
{
	struct world *w = *state;

	ask(w, GET("/v1/jobs"));
	assert_non_null(strstr(w->reply, "HTTP/1.1 404"));
	assert_int_equal(w->pages, 0);
}

static void test_a_body_is_not_taken(void **state)
{
	struct world *w = *state;

	ask(w, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd");
	assert_null(strstr(w->reply, "HTTP/1.1 200"));
	assert_int_equal(w->pages, 0);
}

/* Connections that say nothing, fewer than the limit, leave room for one that asks. */
static void test_silent_clients_hold_nobody_up(void **state)
{
	struct world *w = *state;
	int silent[EXPORTER_CONNECTIONS - 1];

	for (size_t i = 0; i < EXPORTER_CONNECTIONS - 1; i++) {
		silent[i] = dial(w);
		assert_true(silent[i] >= 0);
	}
	ask(w, GET("/metrics"));
	assert_non_null(strstr(w->reply, "longhaul_slots 7\n"));
	for (size_t i = 0; i < EXPORTER_CONNECTIONS - 1; i++)
		close(silent[i]);
}

static void test_an_address_in_use_is_said(void **state)
{
	struct world *w = *state;
	struct exporter *second = NULL;
	char listen[32];

	snprintf(listen, sizeof(listen), "127.0.0.1:%d", exporter_port(w->exporter));
	assert_int_equal(exporter_open(w->loop, listen, on_page, w, &w->why, &second), ERR_CONFIG);
	assert_non_null(strstr(w->why.bytes, "cannot listen on 127.0.0.1:"));
	assert_null(second);
}

static void test_no_address_means_none(void **state)
{
	struct world *w = *state;
	struct exporter *none = (struct exporter *)w;

	assert_int_equal(exporter_open(w->loop, "", on_page, w, &w->why, &none), ERR_OK);
	assert_null(none);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_page_is_written_when_it_is_asked_for),
		CASE(test_a_large_page_gets_through_whole),
		CASE(test_health_is_said_without_a_page),
		CASE(test_nothing_else_is_there),
		CASE(test_a_body_is_not_taken),
		CASE(test_silent_clients_hold_nobody_up),
		CASE(test_an_address_in_use_is_said),
		CASE(test_no_address_means_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
