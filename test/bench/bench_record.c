/* bench_record.c - what the bare statements reach: submit, then claim and finish.
 *
 *   LONGHAUL_TEST_PG="host=.. dbname=.." bench_record [jobs [connections [batch [tenants
 * [behind]]]]]
 *
 * Every connection is a thread that keeps one batch under way (a finish and the
 * next claim travel together). behind: so many other jobs are put into a paused
 * queue first. Prints one JSON line. */
#include "ground/clock.h"
#include "ground/digest.h"
#include "stores/finish.h"
#include "stores/lease.h"
#include "stores/queue.h"
#include "stores/submit.h"
#include "stores/tenant.h"
#include "stores/worker_row.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WAIT_MS = 60000,
	CONNECTIONS_MAX = 16,
	TENANTS_MAX = 1000,
	INPUT_BYTES = 1024,
	RESULT_BYTES = 512
};

struct bench {
	const char *conninfo;
	size_t jobs, connections, batch, tenants, behind;
	struct id tenant[TENANTS_MAX];
	int32_t queue, other_queue;
	char input[INPUT_BYTES], result[RESULT_BYTES];
	atomic_size_t left, done;
	atomic_llong server_us;
};

/* CPU time of this connection's server process, when it runs on this machine: what other load on
 * the machine does not change. */
static int64_t server_us(const struct db *db)
{
	long long user = 0, sys = 0;
	struct db_origin origin;
	char path[64];
	FILE *f;

	db_origin_read(db, &origin);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)origin.backend_pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &user,
		    &sys) != 2)
		user = sys = 0;
	(void)fclose(f);
	return (user + sys) * (1000000 / sysconf(_SC_CLK_TCK));
}

static void die(const char *what, const struct db *db)
{
	fprintf(stderr, "%s: %s\n", what, db != NULL ? db_fault(db) : "");
	exit(1);
}

static void check(enum err e, const char *what, struct db *db)
{
	if (e != ERR_OK)
		die(what, db);
}

static struct db *open_as(const struct bench *b, const char *user)
{
	struct db *db = NULL;

	check(db_open(NULL,
		      &(struct db_options){
			      .conninfo = b->conninfo, .user = user, .statement_ms = 60000},
		      &db),
		"open", NULL);
	check(db_wait(db, WAIT_MS), user, db);
	return db;
}

static void on_tenant(void *ctx, enum err e, const struct tenant *t, size_t n)
{
	(void)t;
	(void)n;
	check(e, "tenant", ctx);
}

static void on_queue(void *ctx, enum err e, const struct queue *q, size_t n)
{
	(void)n;
	check(e, "queue", NULL);
	*(int32_t *)ctx = q->id;
}

static void queue_make(struct db *db, const char *name, bool paused, int32_t *ret)
{
	static const struct audit_actor by = {.kind = "cli"};
	struct queue_change change = {.has_paused = true, .paused = paused};
	char unique[QUEUE_NAME_MAX], uuid[ID_UUID_MAX];

	id_uuid(id_new(0), uuid);
	snprintf(unique, sizeof(unique), "%s-%s", name, uuid);
	change.name = unique;

	check(queue_patch(db, &change, true, &by, on_queue, ret), "queue", db);
	check(db_wait(db, WAIT_MS), "queue", db);
}

static void tenants_make(struct bench *b, struct db *db)
{
	static const struct audit_actor by = {.kind = "cli"};
	char name[ID_UUID_MAX];
	uint8_t key[32];
	size_t i;

	for (i = 0; i < b->tenants; i++) {
		b->tenant[i] = id_new(0);
		id_uuid(b->tenant[i], name);
		digest_random(key, sizeof(key));
		check(tenant_create(db,
			      &(struct tenant){
				      .id = b->tenant[i], .name = name, .match_key = {key, 32}},
			      &by, on_tenant, db),
			"tenant", db);
		check(db_wait(db, WAIT_MS), "tenant", db);
	}
}

static void on_submit(void *ctx, enum err e, struct submit *const *batch, size_t n)
{
	(void)batch;
	(void)n;
	check(e, "submit", ctx);
}

/* Takes the next batch from what is left; 0 when nothing is. */
static size_t take(struct bench *b)
{
	size_t left = atomic_load(&b->left), n;

	do {
		n = left < b->batch ? left : b->batch;
	} while (!atomic_compare_exchange_weak(&b->left, &left, left - n));
	return n;
}

static void *submitter(void *arg)
{
	struct bench *b = arg;
	struct db *db = open_as(b, "longhaul_producer");
	struct submit *jobs = calloc(b->batch, sizeof(*jobs));
	struct submit **batch = calloc(b->batch, sizeof(struct submit *));
	size_t n, i;

	if (jobs == NULL || batch == NULL)
		die("memory", NULL);
	while ((n = take(b)) > 0) {
		for (i = 0; i < n; i++) {
			jobs[i] = (struct submit){.tenant = b->tenant[(size_t)rand() % b->tenants],
				.job = id_new(2),
				.kind = "noop",
				.queue_id = b->queue,
				.priority = 5,
				.max_attempts = 3,
				.store = true,
				.deadline_s = 36000,
				.input = {b->input, sizeof(b->input)},
				.metadata = {"\0{}", 3}};
			jobs[i].principal = jobs[i].tenant;
			jobs[i].by = (struct audit_actor){.kind = "key", .id = jobs[i].tenant};
			batch[i] = &jobs[i];
		}
		check(submit_batch(db, batch, n, on_submit, db), "submit", db);
		check(db_wait(db, WAIT_MS), "submit", db);
	}
	atomic_fetch_add(&b->server_us, server_us(db));
	db_close(db);
	free(jobs);
	free(batch);
	return NULL;
}

struct runner {
	struct bench *b;
	struct id worker, after;
	struct db *db;
	struct finish ends[FINISH_MAX], *batch[FINISH_MAX];
	size_t n, empty;
	struct deficits deficits;
};

static void on_finish(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct runner *r = ctx;
	size_t i;

	check(e, "finish", r->db);
	for (i = 0; i < n; i++)
		if (batch[i]->outcome != ERR_OK)
			die(err_code(batch[i]->outcome), r->db);
	atomic_fetch_add(&r->b->done, n);
}

static void on_claim(
	void *ctx, enum err e, const struct claim *claims, size_t n, const struct claim_turn *turn)
{
	struct runner *r = ctx;
	size_t i;

	check(e, "claim", r->db);
	r->n = n;
	r->empty = n == 0 ? r->empty + 1 : 0;
	for (i = 0; i < n; i++) {
		r->ends[i] = (struct finish){.tenant = claims[i].tenant,
			.job = claims[i].job,
			.fence = claims[i].fence,
			.as = FINISH_COMPLETED,
			.event_last = claims[i].event_from + 1,
			.upstream = "sim",
			.model = "sim",
			.decision = id_new(0),
			.result = {r->b->result, sizeof(r->b->result)}};
		r->batch[i] = &r->ends[i];
	}
	deficits_take(&r->deficits, 0, turn->owed, turn->owed_n);
	r->after = turn->after;
}

static void on_start(void *ctx, enum err e, int64_t lock_key)
{
	(void)lock_key;
	check(e, "worker", ctx);
}

static void *worker(void *arg)
{
	struct runner *r = calloc(1, sizeof(*r));
	struct bench *b = arg;
	struct worker_start start = {
		.id = id_new(0), .host = "bench", .version = "0", .lease_ms = 60000};
	struct claim_direct ask = {.queues = &b->queue, .queues_n = 1, .max = b->batch};

	if (r == NULL)
		die("memory", NULL);
	r->b = b;
	r->worker = start.id;
	r->db = open_as(b, "longhaul_worker");
	check(worker_start(r->db, &start, NULL, 0, on_start, r->db), "worker", r->db);
	check(db_wait(r->db, WAIT_MS), "worker", r->db);
	while (atomic_load(&b->done) < b->jobs && r->empty < 1000) {
		if (r->n > 0)
			check(finish_batch(r->db, r->worker, r->batch, r->n, on_finish, r),
				"finish", r->db);
		ask.after_tenant = r->after;
		ask.deficits = &r->deficits;
		check(lease_claim_direct(r->db, r->worker, &ask, on_claim, r), "claim", r->db);
		check(db_wait(r->db, WAIT_MS), "work", r->db);
	}
	atomic_fetch_add(&b->server_us, server_us(r->db));
	db_close(r->db);
	free(r);
	return NULL;
}

static double run(struct bench *b, void *(*what)(void *))
{
	pthread_t threads[CONNECTIONS_MAX];
	int64_t start = clock_us();
	size_t i;

	for (i = 0; i < b->connections; i++)
		if (pthread_create(&threads[i], NULL, what, b) != 0)
			die("thread", NULL);
	for (i = 0; i < b->connections; i++)
		(void)pthread_join(threads[i], NULL);
	return (double)(clock_us() - start) / 1e6;
}

static size_t number(int argc, char **argv, int i, size_t otherwise, size_t most)
{
	size_t v = argc > i ? strtoul(argv[i], NULL, 10) : otherwise;

	return v > most ? most : v;
}

static double submit_all(struct bench *b, size_t jobs, int32_t queue)
{
	int32_t kept = b->queue;
	double s;

	b->queue = queue;
	atomic_store(&b->left, jobs);
	s = run(b, submitter);
	b->queue = kept;
	return s;
}

int main(int argc, char **argv)
{
	struct bench b = {.conninfo = getenv("LONGHAUL_TEST_PG")};
	double submit_s, work_s, submit_us;
	struct db *db;

	if (b.conninfo == NULL)
		die("LONGHAUL_TEST_PG is not set", NULL);
	b.jobs = number(argc, argv, 1, 20000, 100000000);
	b.connections = number(argc, argv, 2, 2, CONNECTIONS_MAX);
	b.batch = number(argc, argv, 3, 200, FINISH_MAX);
	b.tenants = number(argc, argv, 4, 100, TENANTS_MAX);
	b.behind = number(argc, argv, 5, 0, 100000000);
	memset(b.input, 'x', sizeof(b.input));
	memset(b.result, 'y', sizeof(b.result));
	b.input[0] = b.result[0] = 0;
	db = open_as(&b, "longhaul_producer");
	tenants_make(&b, db);
	queue_make(db, "bench", false, &b.queue);
	queue_make(db, "bench-behind", true, &b.other_queue);
	if (b.behind > 0)
		(void)submit_all(&b, b.behind, b.other_queue);
	atomic_store(&b.server_us, 0);
	submit_s = submit_all(&b, b.jobs, b.queue);
	submit_us = (double)atomic_exchange(&b.server_us, 0) / (double)b.jobs;
	work_s = run(&b, worker);
	printf("{\"bench\": \"record\", \"jobs\": %zu, \"connections\": %zu, \"batch\": %zu, \"tenants\": %zu,"
	       " \"behind\": %zu, \"submit_per_s\": %.0f, \"claim_finish_per_s\": %.0f,"
	       " \"submit_server_us\": %.1f, \"claim_finish_server_us\": %.1f, \"done\": %zu}\n",
		b.jobs, b.connections, b.batch, b.tenants, b.behind, (double)b.jobs / submit_s,
		(double)b.jobs / work_s, submit_us,
		(double)atomic_load(&b.server_us) / (double)b.jobs, atomic_load(&b.done));
	db_close(db);
	return atomic_load(&b.done) >= b.jobs ? 0 : 1;
}
