/* bench_load - submits what a plan says at the moment it says, whatever the answers do.
 *
 *   bench_load http://127.0.0.1:PORT KEYS_FILE PLAN_FILE COUNT_FROM_US
 *
 * The loop is open: a slow answer delays no other submit, and everything is counted
 * from the moment at which a job was due, so that waiting in this program is waiting
 * too. Jobs whose line says so are followed through their event stream to its end.
 *
 * Prints a line per job: ID STATUS DUE BEGUN ANSWERED FIRST_TEXT ENDED (unix microseconds,
 * 0 = never) RETRY_AFTER (seconds, 0 = none), and at last one JSON line: its own share of a core,
 * how late it was, and how long stamped text travelled, counted from COUNT_FROM_US on.
 *
 * Threads: one.  Memory: a few hundred bytes a job, its body while it is sent. */
#include "bench/shared/plan.h"
#include "bench/shared/stamps.h"
#include "ports/http.h"
#include "ports/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { LEAD_US = 200000, TICK_MS = 1, GRACE_S = 120, REPLY_HEAD = 256, ID_CHARS = 30 };
enum { SUBMITS_PER_TURN = 200, CALLS_MAX = 60000 };

struct load {
	struct loop *loop;
	struct http *http;
	struct loop_timer *tick;
	struct plan plan;
	struct job *jobs;
	const char *url;
	size_t next; /* line of the plan */
	size_t open; /* jobs that were begun and have not ended */
	int64_t start_us, count_from_us, give_up_us;
	struct stamps late, travel;
};

struct job {
	struct load *load;
	const struct plan_line *line;
	struct buf body;
	char *reply; /* while the answer to the submit comes */
	size_t reply_len;
	char id[ID_CHARS + 1];
	int status, retry_after_s;
	int64_t begun_us, answered_us, first_us, ended_us;
	struct stamp_scan scan;
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t due_us(const struct job *j)
{
	return j->load->start_us + j->line->at_us;
}

static void job_ended(struct job *j)
{
	struct load *l = j->load;

	free(j->reply);
	j->reply = NULL;
	buf_clear(&j->body);
	if (--l->open == 0 && l->next == l->plan.n)
		loop_stop(l->loop);
}

/* ---- the event stream ---- */

static enum err on_event_bytes(void *owner, const char *bytes, size_t len)
{
	struct job *j = owner;
	const int64_t now = now_us();
	const bool counted = now >= j->load->start_us + j->load->count_from_us;
	struct stamps *const kept = counted ? &j->load->travel : NULL;
	const size_t found = stamps_feed(kept, &j->scan, bytes, len, now);

	if (found && !j->first_us)
		j->first_us = now;
	return ERR_OK;
}

static void on_events_end(void *owner, const struct http_end *end)
{
	struct job *j = owner;

	if (end->err == ERR_OK && end->status == 200)
		j->ended_us = now_us();
	job_ended(j);
}

static enum err follow(struct job *j)
{
	static const struct http_events events = {.body = on_event_bytes, .end = on_events_end};
	const char *const headers[] = {j->load->plan.keys[j->line->key], NULL};
	struct http_call *call;
	char url[256];

	snprintf(url, sizeof(url), "%s/v1/jobs/%s/events", j->load->url, j->id);
	const struct http_request request = {.method = "GET",
		.url = url,
		.headers = headers,
		.connect_ms = 10000,
		.first_byte_ms = 60000,
		.idle_ms = 60000,
		.reply_max = (size_t)1 << 30};
	return http_start(j->load->http, &request, &events, j, &call);
}

/* ---- the submit ---- */

static void on_reply_header(
	void *owner, const char *name, size_t name_len, const char *value, size_t len)
{
	struct job *j = owner;
	char text[16];

	if (!http_header_is(name, name_len, "Retry-After") || len >= sizeof(text))
		return;
	memcpy(text, value, len);
	text[len] = '\0';
	j->retry_after_s = atoi(text);
}

static enum err on_reply(void *owner, const char *bytes, size_t len)
{
	struct job *j = owner;
	const size_t room = REPLY_HEAD - j->reply_len;
	const size_t n = len < room ? len : room;

	memcpy(j->reply + j->reply_len, bytes, n);
	j->reply_len += n;
	return ERR_OK;
}

static void on_reply_end(void *owner, const struct http_end *end)
{
	static const char before[] = "\"id\":\"job_";
	struct job *j = owner;
	const char *at;

	j->status = end->err == ERR_OK ? end->status : 0;
	j->answered_us = now_us();
	j->reply[j->reply_len] = '\0';
	at = strstr(j->reply, before);
	if (at && strlen(at) >= sizeof(before) - 1 + ID_CHARS - 4)
		memcpy(j->id, at + strlen("\"id\":\""), ID_CHARS);
	if (j->status != 202 || !j->line->follow || follow(j) != ERR_OK)
		job_ended(j);
	else
		buf_clear(&j->body);
}

static enum err submit(struct job *j)
{
	static const struct http_events events = {
		.header = on_reply_header, .body = on_reply, .end = on_reply_end};
	const char *const headers[] = {
		j->load->plan.keys[j->line->key], "Content-Type: application/json", NULL};
	struct http_call *call;
	char url[256];

	snprintf(url, sizeof(url), "%s/v1/jobs", j->load->url);
	const struct http_request request = {.method = "POST",
		.url = url,
		.headers = headers,
		.body = j->body.bytes,
		.body_len = j->body.len,
		.connect_ms = 10000,
		.first_byte_ms = 60000,
		.idle_ms = 60000};
	return http_start(j->load->http, &request, &events, j, &call);
}

static void begin(struct load *l)
{
	struct job *j = &l->jobs[l->next];

	j->load = l;
	j->line = &l->plan.lines[l->next++];
	j->scan = STAMP_SCAN;
	buf_init(&j->body, PLAN_BODY_MAX);
	l->open++;
	j->begun_us = now_us();
	stamps_add(&l->late, j->begun_us - due_us(j));
	j->reply = malloc(REPLY_HEAD + 1);
	if (!j->reply || plan_body(j->line, &j->body) != ERR_OK || submit(j) != ERR_OK)
		job_ended(j);
}

/* All that is due by now, but not so much at once that answers go unread. */
static void on_tick(void *owner)
{
	struct load *l = owner;
	const int64_t now = now_us();

	if (now > l->give_up_us) {
		loop_stop(l->loop);
		return;
	}
	for (int i = 0; i < SUBMITS_PER_TURN && l->next < l->plan.n; i++) {
		if (l->start_us + l->plan.lines[l->next].at_us > now)
			break;
		begin(l);
	}
	loop_timer_start(l->tick, TICK_MS);
}

/* ---- the report ---- */

static double cores(double seconds)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return ((double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6) /
	       seconds;
}

static void report(struct load *l)
{
	for (size_t i = 0; i < l->next; i++) {
		const struct job *j = &l->jobs[i];

		printf("%s %d %lld %lld %lld %lld %lld %d\n", j->id[0] ? j->id : "-", j->status,
			(long long)due_us(j), (long long)j->begun_us, (long long)j->answered_us,
			(long long)j->first_us, (long long)j->ended_us, j->retry_after_s);
	}
	stamps_sort(&l->late);
	stamps_sort(&l->travel);
	printf("{\"cores\":%.3f,\"unsent\":%zu,\"open\":%zu,\"late_p99_us\":%d,\"texts\":%zu,"
	       "\"texts_dropped\":%zu,\"text_p50_us\":%d,\"text_p99_us\":%d,\"text_max_us\":%d}\n",
		cores((double)(now_us() - l->start_us) / 1e6), l->plan.n - l->next, l->open,
		stamps_at(&l->late, 0.99), l->travel.n, l->travel.dropped,
		stamps_at(&l->travel, 0.5), stamps_at(&l->travel, 0.99),
		stamps_at(&l->travel, 1.0));
}

/* ---- */

static enum err plan_open(struct load *l, const char *keys_path, const char *plan_path)
{
	FILE *keys = fopen(keys_path, "r"), *lines = fopen(plan_path, "r");
	size_t bad = 0;
	enum err e = ERR_SYSTEM;

	if (keys && lines)
		e = plan_read(lines, keys, &l->plan, &bad);
	if (e == ERR_INVALID_FIELD)
		fprintf(stderr, "bench_load: line %zu of the plan makes no sense\n", bad);
	if (keys)
		fclose(keys);
	if (lines)
		fclose(lines);
	return e;
}

static enum err load_open(struct load *l)
{
	enum err e = loop_new(&l->loop);

	l->jobs = calloc(l->plan.n + 1, sizeof(*l->jobs));
	if (e == ERR_OK && !l->jobs)
		e = ERR_NOMEM;
	if (e == ERR_OK)
		e = http_new(l->loop, CALLS_MAX, &l->http);
	if (e == ERR_OK)
		e = loop_timer_new(l->loop, on_tick, l, &l->tick);
	return e;
}

static void load_close(struct load *l)
{
	http_free(l->http);
	loop_timer_free(l->tick);
	loop_free(l->loop);
	for (size_t i = 0; l->jobs && i < l->next; i++) {
		free(l->jobs[i].reply);
		buf_clear(&l->jobs[i].body);
	}
	free(l->jobs);
	plan_clear(&l->plan);
	stamps_clear(&l->late);
	stamps_clear(&l->travel);
}

/* As many connections as the hard limit lets us hold. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		fprintf(stderr, "bench_load: open files stay limited\n");
}

int main(int argc, char **argv)
{
	struct load l = {0};
	enum err e;

	if (argc != 5) {
		fprintf(stderr, "usage: bench_load URL KEYS_FILE PLAN_FILE COUNT_FROM_US\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	files_raise();
	l.url = argv[1];
	l.count_from_us = atoll(argv[4]);
	e = plan_open(&l, argv[2], argv[3]);
	if (e == ERR_OK)
		e = load_open(&l);
	if (e == ERR_OK) {
		l.start_us = now_us() + LEAD_US;
		l.give_up_us = l.start_us + (int64_t)GRACE_S * 1000000 +
			       (l.plan.n ? l.plan.lines[l.plan.n - 1].at_us : 0);
		loop_timer_start(l.tick, 0);
		loop_run(l.loop);
		report(&l);
	} else {
		fprintf(stderr, "bench_load: cannot start: %s\n", err_text(e));
	}
	load_close(&l);
	return e == ERR_OK ? 0 : 1;
}
