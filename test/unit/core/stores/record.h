/* record.h - what the stores' tests share: connections in each role, and waiting.
 *
 * Every test makes tenants of its own, so that tests may share one database and
 * run side by side. The queue of a test is its own as well. */
#ifndef TEST_RECORD_H
#define TEST_RECORD_H

#include "ground/clock.h"
#include "ground/digest.h"
#include "stores/queue.h"
#include "stores/tenant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORD_WAIT_MS = 120000 };

static inline struct db *record_open(const char *conninfo, const char *user)
{
	struct db *db = NULL;
	enum err e;

	if (conninfo == NULL)
		fail_msg("LONGHAUL_TEST_PG is not set: no Postgres to test against");
	e = db_open(NULL,
		&(struct db_options){
			.conninfo = conninfo, .user = user, .application = "unit test"},
		&db);
	assert_int_equal(e, ERR_OK);
	e = db_wait(db, RECORD_WAIT_MS);
	if (e != ERR_OK)
		fail_msg("%s: %s", user, db_fault(db));
	return db;
}

/* Drives until the call that was just made has ended. */
static inline void record_run(struct db *db, enum err e)
{
	assert_int_equal(e, ERR_OK);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
}

static const struct audit_actor record_actor = {.kind = "operator"};

static inline void record_ok(void *ctx, enum err e, const struct db_reply *reply)
{
	(void)ctx;
	(void)reply;
	assert_int_equal(e, ERR_OK);
}

/* Any SQL without rows, as the role of db; the statement must be static. */
static inline void record_sql(struct db *db, const struct id *tenant, const struct db_stmt *stmt)
{
	assert_int_equal(db_begin(db, tenant, tenant != NULL ? 1 : 0), ERR_OK);
	db_query(db, stmt, NULL);
	db_commit(db, record_ok, NULL);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
}

static inline void record_tenant_made(void *ctx, enum err e, const struct tenant *t, size_t n)
{
	(void)ctx;
	(void)t;
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
}

static inline struct id record_tenant(struct db *producer)
{
	struct id id = id_new(0);
	char name[ID_UUID_MAX];
	uint8_t key[32];

	id_uuid(id, name);
	digest_random(key, sizeof(key));
	record_run(producer,
		tenant_create(producer,
			&(struct tenant){.id = id, .name = name, .match_key = {key, sizeof(key)}},
			&record_actor, record_tenant_made, NULL));
	return id;
}

static inline void record_queue_made(void *ctx, enum err e, const struct queue *q, size_t n)
{
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
	*(int32_t *)ctx = q->id;
}

/* Creates or changes a queue; returns its number. */
static inline int32_t record_queue(struct db *producer, const struct queue_change *change)
{
	int32_t id = 0;

	record_run(producer,
		queue_patch(producer, change, true, &record_actor, record_queue_made, &id));
	return id;
}

static inline int32_t record_queue_new(struct db *producer)
{
	char name[ID_UUID_MAX];

	id_uuid(id_new(0), name);
	return record_queue(producer, &(struct queue_change){.name = name});
}

#endif
