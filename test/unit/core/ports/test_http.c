/* Each way a server can fail is told as what it is, and a cancelled call is heard of no more. */
#include "ports/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A hasty server's small window and its sender's largest hold less than the large body. */
enum {
	REQUEST_ROOM = 4096,
	HEARD_ROOM = 1024,
	LARGE_BYTES = 64 << 20,
	WINDOW_BYTES = 64 << 10,
	PIECE_BYTES = 64 << 10
};

/* ---- a server that does what the path says ---- */

static const struct {
	const char *path, *reply;
	bool hold; /* keeps the connection open and says no more */
} script[] = {
	{"/ok", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Word: yes\r\n\r\nhello", true},
	{"/refused", "HTTP/1.1 503 No\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\nno", true},
	{"/silent", "", true},
	{"/stalled", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel", true},
	{"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel", false},
	{"/early", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		true},
	{"/garbage", "what is this\r\n\r\n", false},
	{"/moved", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", true},
};

static struct {
	pid_t server;
	int port;
	int go[2]; /* a byte for each head that a hasty server's client has seen */
	struct loop *loop;
	struct http *http;
} room;

/* Answers before it reads the body, waits until its client heard so, and then tells whether what it
 * reads is what was to be sent. */
static void answer_hastily(int client, size_t came, bool pure)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n";
	static char piece[PIECE_BYTES];
	const char *end;
	char byte;

	if (write(client, head, sizeof(head) - 1) < 0 || read(room.go[0], &byte, 1) != 1)
		_exit(0);
	while (came < LARGE_BYTES) {
		const ssize_t n = read(client, piece, sizeof(piece));

		if (n <= 0)
			_exit(0);
		came += (size_t)n;
		for (ssize_t i = 0; i < n; i++)
			pure = pure && piece[i] == 'a';
	}
	end = pure ? "4\r\npure\r\n0\r\n\r\n" : "4\r\nfoul\r\n0\r\n\r\n";
	if (write(client, end, strlen(end)) < 0)
		_exit(0);
}

static void answer(int client)
{
	char request[REQUEST_ROOM] = "", path[64] = "";
	char *eof = NULL;
	size_t len = 0;

	while (!eof && len + 1 < sizeof(request)) {
		const ssize_t n = read(client, request + len, sizeof(request) - 1 - len);

		if (n <= 0)
			_exit(0);
		len += (size_t)n;
		request[len] = '\0';
		eof = strstr(request, "\r\n\r\n");
	}
	(void)sscanf(request, "%*s %63s", path);
	if (eof && strcmp(path, "/hasty") == 0) {
		const char *body = eof + 4;

		answer_hastily(client, strlen(body), strspn(body, "a") == strlen(body));
	}
	for (size_t i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		if (strcmp(path, script[i].path) != 0)
			continue;
		if (write(client, script[i].reply, strlen(script[i].reply)) < 0)
			_exit(0);
		if (!script[i].hold)
			_exit(0);
	}
}

static void serve(int listener)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		const int client = accept(listener, NULL, NULL);

		if (client < 0)
			_exit(0);
		if (fork() == 0) {
			close(listener);
			for (;;)
				answer(client);
		}
		close(client);
	}
}

static int open_room(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	const int listener = socket(AF_INET, SOCK_STREAM, 0), window = WINDOW_BYTES;

	if (listener < 0 || pipe(room.go) != 0 ||
		setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &window, sizeof(window)) != 0 ||
		bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 16) != 0 ||
		getsockname(listener, (struct sockaddr *)&at, &len) != 0)
		return -1;
	room.port = ntohs(at.sin_port);
	room.server = fork();
	if (room.server == 0) {
		setpgid(0, 0);
		serve(listener);
	}
	setpgid(room.server, room.server);
	close(listener);
	return loop_new(&room.loop) || http_new(room.loop, 100, &room.http);
}

static int close_room(void **state)
{
	http_free(room.http);
	loop_free(room.loop);
	kill(-room.server, SIGKILL);
	return waitpid(room.server, NULL, 0) == room.server ? 0 : -1;
}

/* ---- one call and what was heard of it ---- */

struct heard {
	char text[HEARD_ROOM];
	struct http_end end;
	bool ended;
	enum err body_err;
};

static void hear(struct heard *h, const char *text, size_t len)
{
	const size_t had = strlen(h->text);

	assert_true(had + len + 1 < sizeof(h->text));
	memcpy(h->text + had, text, len);
	h->text[had + len] = '\0';
}

static void on_header(void *owner, const char *name, size_t name_len, const char *value, size_t len)
{
	if (name_len == 6 && memcmp(name, "X-Word", 6) == 0)
		hear(owner, value, len);
}

static void on_status(void *owner, int status)
{
	char text[16];

	hear(owner, text, (size_t)snprintf(text, sizeof(text), "[%d]", status));
}

static enum err on_body(void *owner, const char *bytes, size_t len)
{
	struct heard *h = owner;

	hear(h, bytes, len);
	return h->body_err;
}

static void on_end(void *owner, const struct http_end *end)
{
	struct heard *h = owner;

	h->end = *end;
	h->ended = true;
	loop_stop(room.loop);
}

static const struct http_events events = {
	.header = on_header, .status = on_status, .body = on_body, .end = on_end};

static enum err start_told(const char *path, struct http_request r, const struct http_events *told,
	void *owner, struct http_call **ret_call)
{
	char url[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", room.port, path);
	r.url = url;
	r.method = r.method ? r.method : "POST";
	r.total_ms = r.total_ms ? r.total_ms : 120000;
	return http_start(room.http, &r, told, owner, ret_call);
}

static enum err start(
	const char *path, struct http_request r, struct heard *h, struct http_call **ret_call)
{
	return start_told(path, r, &events, h, ret_call);
}

static void expect(const char *path, struct http_request r, enum err err, const char *text)
{
	struct heard h = {.ended = false};
	struct http_call *call;

	assert_int_equal(start(path, r, &h, &call), ERR_OK);
	loop_run(room.loop);
	assert_true(h.ended);
	assert_int_equal(h.end.err, err);
	assert_string_equal(h.text, text);
	assert_int_equal(http_active(room.http), 0);
}

static void test_a_reply_is_told_in_order(void **state)
{
	const char *const headers[] = {"Content-Type: application/json", NULL};

	for (int i = 0; i < 3; i++) /* later ones on the kept connection */
		expect("/ok",
			(struct http_request){.headers = headers, .body = "{}", .body_len = 2},
			ERR_OK, "yes[200]hello");
	expect("/ok", (struct http_request){.method = "GET"}, ERR_OK, "yes[200]hello");
	expect("/refused", (struct http_request){.body = ""}, ERR_OK, "[503]no");
	expect("/early", (struct http_request){.body = ""}, ERR_OK, "[200]ok");
	expect("/moved", (struct http_request){.body = ""}, ERR_OK, "[302]");
}

static struct http_request within_idle(int64_t ms)
{
	return (struct http_request){.idle_ms = ms};
}

static struct http_request within_window(int64_t ms)
{
	return (struct http_request){.slow_window_ms = ms, .slow_bytes = 100};
}

static struct http_request within_all(int64_t ms)
{
	return (struct http_request){.total_ms = ms};
}

/* A server that is held up says nothing in so little time: then there is twice as much. */
static void expect_cut(int64_t ms, struct http_request within(int64_t ms), enum err err)
{
	struct heard h;
	struct http_call *call;

	do {
		h = (struct heard){.ended = false};
		assert_int_equal(start("/stalled", within(ms), &h, &call), ERR_OK);
		loop_run(room.loop);
		assert_true(h.ended);
		ms *= 2;
	} while (h.text[0] == '\0' && ms < 60000);
	assert_int_equal(h.end.err, err);
	assert_string_equal(h.text, "[200]hel");
}

/* promises: C5, C14 */
static void test_each_failure_is_its_own_row(void **state)
{
	expect("/silent", (struct http_request){.first_byte_ms = 50}, ERR_UP_FIRST_BYTE, "");
	expect_cut(50, within_idle, ERR_UP_STALLED);
	expect_cut(50, within_window, ERR_UP_STALLED);
	expect_cut(50, within_all, ERR_ATTEMPT_TIMEOUT);
	expect("/cut", (struct http_request){.idle_ms = 60000}, ERR_UP_TRUNCATED, "[200]hel");
	expect("/ok", (struct http_request){.reply_max = 3}, ERR_UP_TOO_LARGE, "yes[200]");
	expect("/ok", (struct http_request){.https_only = true}, ERR_INVALID_FIELD, "");
}

static void test_nobody_there_is_no_connection(void **state)
{
	const int port = room.port;

	room.port = 1;
	expect("/ok", (struct http_request){.connect_ms = 60000}, ERR_UP_CONNECT, "");
	room.port = port;
}

static bool never(const void *policy, const struct sockaddr *address)
{
	return false;
}

/* promises: C3 */
static void test_a_refused_address_is_never_connected_to(void **state)
{
	expect("/ok", (struct http_request){.may_reach = never}, ERR_FORBIDDEN, "");
}

static void test_a_body_callback_ends_the_call_with_its_error(void **state)
{
	struct heard h = {.body_err = ERR_UP_MALFORMED};
	struct http_call *call;

	assert_int_equal(start("/ok", (struct http_request){.body = ""}, &h, &call), ERR_OK);
	loop_run(room.loop);
	assert_int_equal(h.end.err, ERR_UP_MALFORMED);
	assert_string_equal(h.end.why, "");
}

/* ---- a body that is still on its way when the reply begins ---- */

struct sending {
	struct heard heard; /* first */
	struct http_call *call;
	char *body;
	bool wanted; /* at the reply's status */
};

/* As an owner would: overwritten, for where nothing watches what was freed. */
static void body_let_go(struct sending *s)
{
	if (s->body && http_body_sent(s->call)) {
		memset(s->body, 'x', LARGE_BYTES);
		free(s->body);
		s->body = NULL;
	}
}

static void on_sending_status(void *owner, int status)
{
	struct sending *s = owner;

	body_let_go(s);
	s->wanted = s->body != NULL;
	assert_int_equal(write(room.go[1], "", 1), 1);
}

static enum err on_sending_body(void *owner, const char *bytes, size_t len)
{
	body_let_go(owner);
	return on_body(owner, bytes, len);
}

static void test_a_body_stays_wanted_while_a_hasty_server_reads_it(void **state)
{
	static const struct http_events told = {
		.status = on_sending_status, .body = on_sending_body, .end = on_end};

	for (int i = 0; i < 2; i++) { /* the second with a used handle */
		struct sending s = {.body = malloc(LARGE_BYTES)};
		struct http_request r = {.body_len = LARGE_BYTES};

		assert_non_null(s.body);
		r.body = memset(s.body, 'a', LARGE_BYTES);
		assert_int_equal(start_told("/hasty", r, &told, &s, &s.call), ERR_OK);
		loop_run(room.loop);
		assert_int_equal(s.heard.end.err, ERR_OK);
		assert_true(s.wanted);
		assert_string_equal(s.heard.text, "hipure");
		assert_null(s.body); /* it went when the last of it was sent, before the end */
	}
}

static void on_small_status(void *owner, int status)
{
	struct sending *s = owner;

	s->wanted = !http_body_sent(s->call);
}

static void test_a_body_that_was_sent_may_go_at_the_status(void **state)
{
	static const struct http_events told = {.status = on_small_status, .end = on_end};
	struct sending s = {.wanted = true};
	const struct http_request r = {.body = "{}", .body_len = 2};

	assert_int_equal(start_told("/ok", r, &told, &s, &s.call), ERR_OK);
	loop_run(room.loop);
	assert_int_equal(s.heard.end.err, ERR_OK);
	assert_false(s.wanted);
}

static void stop_later(void *owner)
{
	loop_stop(room.loop);
}

static void test_a_cancelled_call_is_heard_of_no_more(void **state)
{
	struct heard h = {.ended = false};
	struct loop_timer *timer;
	struct http_call *call;

	assert_int_equal(start("/ok", (struct http_request){.body = ""}, &h, &call), ERR_OK);
	http_cancel(call);
	assert_int_equal(http_active(room.http), 0);
	assert_int_equal(loop_timer_new(room.loop, stop_later, NULL, &timer), ERR_OK);
	loop_timer_start(timer, 100);
	loop_run(room.loop);
	assert_false(h.ended);
	assert_string_equal(h.text, "");
	loop_timer_free(timer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reply_is_told_in_order),
		cmocka_unit_test(test_each_failure_is_its_own_row),
		cmocka_unit_test(test_nobody_there_is_no_connection),
		cmocka_unit_test(test_a_refused_address_is_never_connected_to),
		cmocka_unit_test(test_a_body_callback_ends_the_call_with_its_error),
		cmocka_unit_test(test_a_body_stays_wanted_while_a_hasty_server_reads_it),
		cmocka_unit_test(test_a_body_that_was_sent_may_go_at_the_status),
		cmocka_unit_test(test_a_cancelled_call_is_heard_of_no_more),
	};

	return cmocka_run_group_tests(tests, open_room, close_room);
}
