/* Redis as something that may vanish: a real server, stopped, flushed and stalled. */
#include "ports/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_MS = 120000, PATIENT_MS = 60000, IMPATIENT_MS = 1000, PATH_ROOM = 128 };

struct scene {
	char folder[PATH_ROOM], socket[2 * PATH_ROOM], url[2 * PATH_ROOM + 8];
	pid_t server;
	struct loop *loop;
	struct loop_timer *deadline;
	struct scratch *redis, *follower;
	struct scratch_script *script;
	int ups, downs, refusals, answers, messages;
	int stop_at; /* the loop stops when all of these together reach it */
	enum err err;
	int64_t number;
	char text[64];
};

static int things(const struct scene *s)
{
	return s->answers + s->messages + s->ups + s->downs + s->refusals;
}

static void happened(struct scene *s)
{
	if (things(s) >= s->stop_at)
		loop_stop(s->loop);
}

static void too_late(void *owner)
{
	fail_msg("the deadline passed");
}

/* Runs the loop until n more things have happened. */
static void run_for(struct scene *s, int n)
{
	s->stop_at = things(s) + n;
	loop_timer_start(s->deadline, DEADLINE_MS);
	loop_run(s->loop);
	loop_timer_stop(s->deadline);
}

static void changed(void *owner, bool up)
{
	struct scene *s = owner;

	s->ups += up;
	s->downs += !up;
	happened(s);
}

static void refused(void *owner, const char *why)
{
	struct scene *s = owner;

	(void)snprintf(s->text, sizeof s->text, "%s", why);
	s->refusals++;
	happened(s);
}

static void message(void *owner, const char *channel, const char *bytes, size_t len)
{
	struct scene *s = owner;

	(void)snprintf(s->text, sizeof s->text, "%s=%.*s", channel, (int)len, bytes);
	s->messages++;
	happened(s);
}

static void answered(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct scene *s = owner;
	size_t len = 0;
	const char *bytes = scratch_bytes(reply, &len);

	s->err = e;
	s->number = scratch_int(reply);
	(void)snprintf(s->text, sizeof s->text, "%.*s", (int)len, bytes ? bytes : "");
	s->answers++;
	happened(s);
}

static void server_start(struct scene *s)
{
	s->server = fork();
	assert_true(s->server >= 0);
	if (s->server == 0) {
		(void)execlp("redis-server", "redis-server", "--port", "0", "--save", "", "--dir",
			s->folder, "--unixsocket", s->socket, "--logfile", "/dev/null",
			(char *)NULL);
		_exit(127);
	}
}

static void server_stop(struct scene *s, int signo)
{
	if (s->server > 0) {
		(void)kill(s->server, signo);
		(void)waitpid(s->server, NULL, 0);
	}
	s->server = 0;
}

static int open_with(void **state, int command_ms)
{
	struct scene *s = calloc(1, sizeof *s);
	struct scratch_options o = {.connect_ms = PATIENT_MS,
		.command_ms = command_ms,
		.on_change = changed,
		.owner = s};

	assert_non_null(s);
	*state = s;
	(void)snprintf(s->folder, sizeof s->folder, "/tmp/longhaul-scratch-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	(void)snprintf(s->socket, sizeof s->socket, "%s/redis", s->folder);
	(void)snprintf(s->url, sizeof s->url, "unix:%s", s->socket);
	assert_int_equal(loop_new(&s->loop), ERR_OK);
	assert_int_equal(loop_timer_new(s->loop, too_late, s, &s->deadline), ERR_OK);
	o.url = s->url;
	assert_int_equal(scratch_open(s->loop, &o, &s->redis), ERR_OK);
	assert_int_equal(scratch_script_add(s->redis,
				 "return redis.call('INCRBY', KEYS[1], ARGV[1])", &s->script),
		ERR_OK);
	return 0;
}

/* No test is as slow as that, whoever holds it up. */
static int scene_open(void **state)
{
	return open_with(state, PATIENT_MS);
}

/* For the test of a silence. */
static int scene_open_impatient(void **state)
{
	return open_with(state, IMPATIENT_MS);
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	scratch_close(s->redis);
	scratch_close(s->follower);
	loop_timer_free(s->deadline);
	loop_free(s->loop);
	server_stop(s, SIGKILL);
	(void)unlink(s->socket);
	(void)rmdir(s->folder);
	free(s);
	return 0;
}

static enum err send_words(struct scene *s, const char *a, const char *b, const char *c)
{
	const struct scratch_arg args[] = {
		SCRATCH_TEXT(a), SCRATCH_TEXT(b), SCRATCH_TEXT(c ? c : "")};

	return scratch_send(s->redis, args, c ? 3 : 2, answered, s);
}

static enum err run_script(struct scene *s)
{
	const struct scratch_arg args[] = {SCRATCH_TEXT("n"), SCRATCH_TEXT("5")};

	return scratch_run(s->redis, s->script,
		(struct scratch_args){.list = args, .n = 2, .n_keys = 1}, answered, s);
}

/* promises: C16 */
static void without_a_server_a_command_fails_at_once(void **state)
{
	struct scene *s = *state;

	assert_false(scratch_is_up(s->redis));
	assert_int_equal(send_words(s, "GET", "a", NULL), ERR_SCRATCH);
	assert_int_equal(run_script(s), ERR_SCRATCH);
	assert_int_equal(s->answers, 0);
}

static void answers_come_in_order(void **state)
{
	struct scene *s = *state;

	server_start(s);
	run_for(s, 1);
	assert_true(scratch_is_up(s->redis));
	assert_int_equal(send_words(s, "SET", "a", "b"), ERR_OK);
	assert_int_equal(send_words(s, "GET", "a", NULL), ERR_OK);
	run_for(s, 2);
	assert_int_equal(s->err, ERR_OK);
	assert_string_equal(s->text, "b");
	assert_int_equal(send_words(s, "NONSENSE", "a", NULL), ERR_OK);
	run_for(s, 1);
	assert_int_equal(s->err, ERR_SCRATCH);
	assert_non_null(strstr(s->text, "unknown command"));
}

static const char zeros[1 << 20];

static enum err send_zeros(struct scene *s)
{
	const struct scratch_arg args[] = {
		SCRATCH_TEXT("SET"), SCRATCH_TEXT("a"), {zeros, sizeof zeros}};

	return scratch_send(s->redis, args, 3, answered, s);
}

/* More than a socket takes at once, so that its rest begins with a NUL. promises: C16 */
static void a_large_command_is_written_whole_whatever_its_bytes(void **state)
{
	struct scene *s = *state;

	server_start(s);
	run_for(s, 1);
	assert_int_equal(send_zeros(s), ERR_OK);
	run_for(s, 1);
	assert_int_equal(s->err, ERR_OK);
	assert_string_equal(s->text, "OK");
}

/* A server that does not read must not cost its clients their memory. promises: C16 */
static void what_waits_to_be_written_is_bounded(void **state)
{
	struct scene *s = *state;
	int n = 0;

	server_start(s);
	run_for(s, 1);
	while (n < 100 && send_zeros(s) == ERR_OK)
		n++;
	assert_int_equal(n, 7); /* of 8 MiB, with the commands' heads */
	run_for(s, n);
	assert_int_equal(s->err, ERR_OK);
	assert_int_equal(send_words(s, "SET", "a", "b"), ERR_OK);
	run_for(s, 1);
	assert_int_equal(s->err, ERR_OK);
}

static void a_lost_script_is_sent_again(void **state)
{
	struct scene *s = *state;

	server_start(s);
	run_for(s, 1);
	assert_int_equal(run_script(s), ERR_OK);
	run_for(s, 1);
	assert_true(s->number == 5);
	assert_int_equal(send_words(s, "SCRIPT", "FLUSH", NULL), ERR_OK);
	run_for(s, 1);
	assert_int_equal(run_script(s), ERR_OK);
	run_for(s, 1);
	assert_int_equal(s->err, ERR_OK);
	assert_true(s->number == 10);
}

/* promises: C16 */
static void it_heals_after_a_restart(void **state)
{
	struct scene *s = *state;

	server_start(s);
	run_for(s, 1);
	server_stop(s, SIGKILL);
	run_for(s, 1);
	assert_int_equal(s->downs, 1);
	assert_false(scratch_is_up(s->redis));
	server_start(s);
	run_for(s, 1);
	assert_int_equal(run_script(s), ERR_OK);
	run_for(s, 1);
	assert_true(s->number == 5);
}

/* promises: C16 */
static void a_server_that_stands_still_is_given_up(void **state)
{
	struct scene *s = *state;

	server_start(s);
	run_for(s, 1);
	(void)kill(s->server, SIGSTOP);
	assert_int_equal(send_words(s, "GET", "a", NULL), ERR_OK);
	run_for(s, 2); /* the answer and the change */
	assert_int_equal(s->err, ERR_SCRATCH);
	assert_int_equal(s->downs, 1);
	(void)kill(s->server, SIGCONT);
	run_for(s, 1);
	assert_true(scratch_is_up(s->redis));
}

static void password_is(struct scene *s, const char *password)
{
	const struct scratch_arg args[] = {SCRATCH_TEXT("CONFIG"), SCRATCH_TEXT("SET"),
		SCRATCH_TEXT("requirepass"), SCRATCH_TEXT(password)};

	assert_int_equal(scratch_send(s->redis, args, 4, answered, s), ERR_OK);
	run_for(s, 1);
	assert_int_equal(s->err, ERR_OK);
}

static struct scratch *open_as(struct scene *s, const char *password)
{
	const struct scratch_options o = {.url = s->url,
		.password = password,
		.connect_ms = PATIENT_MS,
		.on_change = changed,
		.on_refused = refused,
		.owner = s};
	struct scratch *redis = NULL;

	assert_int_equal(scratch_open(s->loop, &o, &redis), ERR_OK);
	return redis;
}

/* Until the server has seen so many connections, whatever became of them. */
static void until_tried(struct scene *s, int64_t connections)
{
	static const char seen[] = "return tonumber(string.match(redis.call('INFO', 'stats'),"
				   " 'total_connections_received:(%d+)'))";

	for (s->number = 0; s->number < connections;) {
		assert_int_equal(send_words(s, "EVAL", seen, "0"), ERR_OK);
		run_for(s, 1);
	}
}

/* It is asked again and again, but told once; and it is let in when the password is right. */
static void whom_the_server_does_not_let_in_is_not_up_and_is_told_why(void **state)
{
	struct scene *s = *state;
	struct scratch *without;

	server_start(s);
	run_for(s, 1);
	password_is(s, "right");
	s->follower = open_as(s, "wrong");
	run_for(s, 1);
	assert_int_equal(s->refusals, 1);
	assert_non_null(strstr(s->text, "WRONGPASS"));
	assert_false(scratch_is_up(s->follower));
	without = open_as(s, NULL);
	run_for(s, 1);
	assert_int_equal(s->refusals, 2);
	assert_non_null(strstr(s->text, "NOAUTH"));
	assert_false(scratch_is_up(without));
	scratch_close(without);
	until_tried(s, 5); /* ours, each of theirs, two more of the wrong one's */
	assert_int_equal(s->refusals, 2);
	password_is(s, "wrong");
	run_for(s, 1);
	assert_true(scratch_is_up(s->follower));
	assert_int_equal(s->refusals, 2);
	assert_int_equal(s->downs, 0);
}

static void channels_are_followed_over_restarts(void **state)
{
	struct scene *s = *state;
	const struct scratch_options o = {
		.url = s->url, .on_change = changed, .on_message = message, .owner = s};

	server_start(s);
	run_for(s, 1);
	assert_int_equal(scratch_open(s->loop, &o, &s->follower), ERR_OK);
	assert_int_equal(scratch_follow(s->follower, "news"), ERR_OK);
	assert_int_equal(scratch_follow(s->follower, "news"), ERR_OK);
	run_for(s, 1);
	scratch_unfollow(s->follower, "news");
	do {
		assert_int_equal(send_words(s, "PUBLISH", "news", "one"), ERR_OK);
		run_for(s, 1);
	} while (s->messages == 0 && s->number == 0);
	if (s->messages == 0)
		run_for(s, 1);
	assert_int_equal(s->messages, 1);
	server_stop(s, SIGKILL);
	run_for(s, 2);
	server_start(s);
	run_for(s, 2);
	do {
		assert_int_equal(send_words(s, "PUBLISH", "news", "two"), ERR_OK);
		run_for(s, 1);
	} while (s->messages == 1 && s->number == 0);
	if (s->messages == 1)
		run_for(s, 1);
	assert_int_equal(s->messages, 2);
}

static void an_address_is_judged_before_it_is_used(void **state)
{
	assert_null(scratch_url_fault("redis://127.0.0.1:6379"));
	assert_null(scratch_url_fault("redis://[::1]:6379/3"));
	assert_null(scratch_url_fault("unix:/tmp/redis"));
	assert_non_null(strstr(scratch_url_fault("rediss://host"), "TLS"));
	assert_non_null(strstr(scratch_url_fault("redis://:word@host"), "password"));
	assert_non_null(scratch_url_fault("http://host"));
	assert_non_null(scratch_url_fault("redis://host:99999"));
	assert_non_null(scratch_url_fault("redis://host:1x"));
	assert_non_null(scratch_url_fault("redis://"));
	assert_non_null(scratch_url_fault("unix:relative"));
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SCENE(without_a_server_a_command_fails_at_once),
		WITH_SCENE(answers_come_in_order),
		WITH_SCENE(a_large_command_is_written_whole_whatever_its_bytes),
		WITH_SCENE(what_waits_to_be_written_is_bounded),
		WITH_SCENE(a_lost_script_is_sent_again),
		WITH_SCENE(it_heals_after_a_restart),
		cmocka_unit_test_setup_teardown(
			a_server_that_stands_still_is_given_up, scene_open_impatient, scene_close),
		WITH_SCENE(whom_the_server_does_not_let_in_is_not_up_and_is_told_why),
		WITH_SCENE(channels_are_followed_over_restarts),
		cmocka_unit_test(an_address_is_judged_before_it_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
