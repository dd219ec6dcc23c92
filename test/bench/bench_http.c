/* bench_http - what the HTTP client alone can do: calls a second, or streams held.
 *
 *   bench_http http://127.0.0.1:PORT/v1 MODEL AT_ONCE TOTAL
 *
 * Keeps AT_ONCE streamed chat calls of MODEL under way until TOTAL have ended, on
 * one loop, with nothing of a worker around it: the ceiling of a worker's calls,
 * and what each costs. Prints one JSON line.
 *
 * Threads: one.  Memory: one small struct per call under way. */
#include "ground/clock.h"
#include "ports/http.h"
#include "ports/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct bench {
	struct loop *loop;
	struct http *http;
	struct loop_timer *more;
	char url[256];
	char body[512];
	long at_once;
	long total;
	long begun;
	long under_way;
	long ended;
	long failed;
	long most; /* under way at a time */
	long rss_kib;
};

static long rss_kib(void)
{
	long all, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%ld %ld", &all, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static enum err on_body(void *owner, const char *bytes, size_t len)
{
	return ERR_OK;
}

static void on_end(void *owner, const struct http_end *end)
{
	struct bench *b = owner;

	b->under_way--;
	b->ended++;
	b->failed += end->err != ERR_OK || end->status != 200;
	if (b->ended == b->total)
		loop_stop(b->loop);
	else
		loop_timer_start(b->more, 0);
}

static void begin(struct bench *b)
{
	static const char *const headers[] = {"Content-Type: application/json",
		"X-Client-Request-Id: job_01h455vb4pex5vsknk084sn02q", NULL};
	static const struct http_events events = {.body = on_body, .end = on_end};
	const struct http_request request = {
		.method = "POST",
		.url = b->url,
		.headers = headers,
		.body = b->body,
		.body_len = strlen(b->body),
		.connect_ms = 5000,
		.first_byte_ms = 60000,
		.idle_ms = 60000,
	};
	struct http_call *call;

	b->begun++;
	b->under_way++;
	if (http_start(b->http, &request, &events, b, &call) != ERR_OK) {
		fprintf(stderr, "bench_http: a call could not be started\n");
		exit(1);
	}
}

/* Refills; connecting is spread over turns so that the listener's backlog holds. */
static void on_more(void *owner)
{
	struct bench *b = owner;

	for (int i = 0; i < 500 && b->under_way < b->at_once && b->begun < b->total; i++)
		begin(b);
	if (b->under_way > b->most) {
		b->most = b->under_way;
		loop_timer_start(b->more, 5);
	}
	if (b->begun == b->total && b->rss_kib == 0)
		b->rss_kib = rss_kib();
}

static void report(const struct bench *b, double seconds, long rss_before)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		     (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	printf("{\"calls\":%ld,\"failed\":%ld,\"at_once\":%ld,\"seconds\":%.3f,\"rate\":%.0f,"
	       "\"cores\":%.3f,\"kib_each\":%.1f}\n",
		b->ended, b->failed, b->most, seconds, (double)b->ended / seconds, cpu / seconds,
		(double)(b->rss_kib - rss_before) / (double)b->most);
}

int main(int argc, char **argv)
{
	struct bench b = {0};

	if (argc != 5) {
		fprintf(stderr, "usage: bench_http URL MODEL AT_ONCE TOTAL\n");
		return 2;
	}
	b.at_once = atol(argv[3]);
	b.total = atol(argv[4]);
	snprintf(b.url, sizeof(b.url), "%s/chat/completions", argv[1]);
	snprintf(b.body, sizeof(b.body),
		"{\"model\":\"%s\",\"stream\":true,\"messages\":[{\"role\":\"user\","
		"\"content\":\"Say something.\"}]}",
		argv[2]);
	signal(SIGPIPE, SIG_IGN);
	if (b.at_once < 1 || b.total < 1 || loop_new(&b.loop) != ERR_OK ||
		http_new(b.loop, (size_t)b.at_once, &b.http) != ERR_OK ||
		loop_timer_new(b.loop, on_more, &b, &b.more) != ERR_OK) {
		fprintf(stderr, "bench_http: cannot start\n");
		return 1;
	}
	long before = rss_kib();
	int64_t start = clock_us();
	loop_timer_start(b.more, 0);
	loop_run(b.loop);
	report(&b, (double)(clock_us() - start) / 1e6, before);
	http_free(b.http);
	loop_timer_free(b.more);
	loop_free(b.loop);
	return b.failed ? 1 : 0;
}
