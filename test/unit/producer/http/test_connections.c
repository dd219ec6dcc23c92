/* Who is slow is ended, who has more to fetch has longer. */
#include "http/connections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum { LARGE = 1 << 30 };

struct line {
	int ours, theirs;
	struct connection *place;
};

static void line_open(struct connections *c, struct line *line)
{
	const struct timeval patience = {.tv_sec = 20};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(
		setsockopt(fds[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
	line->ours = fds[0];
	line->theirs = fds[1];
	line->place = connections_join(c, NULL, fds[0]);
	assert_non_null(line->place);
}

static void line_close(struct connections *c, struct line *line)
{
	connections_leave(c, line->place);
	assert_int_equal(close(line->ours), 0);
	assert_int_equal(close(line->theirs), 0);
}

/* promises: C12 */
static void a_reply_has_its_time_and_more_when_it_is_large(void **state)
{
	const struct connections_options options = {
		.max = 100, .header_ms = 60000, .body_ms = 60000, .reply_ms = 1, .idle_ms = 60000};
	struct connections *c;
	struct line slow, large;
	char byte;

	assert_int_equal(connections_new(&options, &c), ERR_OK);
	line_open(c, &large);
	line_open(c, &slow);
	connection_sends(large.place, LARGE);
	connection_sends(slow.place, 1);
	assert_int_equal(recv(slow.theirs, &byte, 1, 0), 0); /* waits until it is ended */
	assert_int_equal(recv(large.theirs, &byte, 1, MSG_DONTWAIT), -1);
	line_close(c, &slow);
	line_close(c, &large);
	connections_free(c);
}

/* promises: C12 */
static void what_waits_in_a_stream_has_to_be_taken(void **state)
{
	const struct connections_options options = {
		.max = 100, .header_ms = 60000, .body_ms = 60000, .reply_ms = 1, .idle_ms = 60000};
	struct line quick, large, slow;
	struct connections *c;
	char byte;

	assert_int_equal(connections_new(&options, &c), ERR_OK);
	line_open(c, &quick);
	line_open(c, &large);
	line_open(c, &slow);
	connection_streams(large.place, LARGE);
	connection_streams(large.place, 1); /* adds to its time, and begins none anew */
	connection_streams(quick.place, LARGE);
	connection_streams(quick.place, 0);
	quick.place->since_ms -= 30000; /* it may be silent for so long */
	connection_streams(slow.place, 1);
	assert_int_equal(recv(slow.theirs, &byte, 1, 0), 0);
	assert_int_equal(recv(large.theirs, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(recv(quick.theirs, &byte, 1, MSG_DONTWAIT), -1);
	line_close(c, &slow);
	line_close(c, &large);
	line_close(c, &quick);
	connections_free(c);
}

/* promises: C12 */
static void a_body_that_does_not_come_makes_room_when_no_credential_came(void **state)
{
	enum { MAX = 16, FULL = MAX - 1 };
	const struct connections_options options = {.max = MAX,
		.header_ms = 60000,
		.body_ms = 60000,
		.reply_ms = 60000,
		.idle_ms = 60000};
	struct line known, strange, fresh, rest[FULL];
	struct connections *c;
	char byte;

	assert_int_equal(connections_new(&options, &c), ERR_OK);
	line_open(c, &known);
	line_open(c, &fresh);
	line_open(c, &strange);
	connection_moves(known.place, CONNECTION_BODY);
	connection_moves(fresh.place, CONNECTION_BODY);
	connection_is_strange(fresh.place);
	connection_moves(strange.place, CONNECTION_BODY);
	connection_is_strange(strange.place);
	known.place->since_ms -= 30000;
	strange.place->since_ms -= 30000;
	fresh.place->since_ms += 30000; /* however slow this machine is */
	for (size_t i = 0; i < FULL - 2; i++) {
		line_open(c, &rest[i]);
		connection_moves(rest[i].place, CONNECTION_BUSY);
	}
	assert_int_equal(recv(strange.theirs, &byte, 1, 0), 0);
	assert_int_equal(recv(known.theirs, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(recv(fresh.theirs, &byte, 1, MSG_DONTWAIT), -1);
	for (size_t i = 0; i < FULL - 2; i++)
		line_close(c, &rest[i]);
	line_close(c, &strange);
	line_close(c, &fresh);
	line_close(c, &known);
	connections_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reply_has_its_time_and_more_when_it_is_large),
		cmocka_unit_test(what_waits_in_a_stream_has_to_be_taken),
		cmocka_unit_test(a_body_that_does_not_come_makes_room_when_no_credential_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
