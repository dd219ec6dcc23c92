#include "access/refusals.h"

#include "access/actor.h"
#include "ground/log.h"
#include "loops.h"
#include "ports/loop.h"
#include "producer.h"
#include "stores/audit_refusal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { UNAUTHORIZED = 401, FORBIDDEN = 403 };

struct line {
	struct audit_refusal row;
	char action[PERMISSION_TEXT_MAX];
};

/* The last line is the others'. */
struct table {
	const char *reason;
	struct line lines[REFUSALS_LINES + 1];
	size_t n;
};

enum { KNOWN, UNKNOWN, TABLES };

struct refusals {
	struct record_item item; /* first */
	struct producer *producer;
	struct loop_timer *timer;
	pthread_mutex_t lock;
	struct table tables[TABLES];
	/* on their way to the record; the loop's and the lane's in turn */
	struct line sent[TABLES * (REFUSALS_LINES + 1)];
	size_t sent_n;
	_Atomic bool sending;
};

/* ---- counting ---- */

/* "role:write" as the word that rows have. */
static void action_put(const struct request *r, char out[PERMISSION_TEXT_MAX])
{
	const struct route *route = r->match.route;
	const bool has = route && route->permission < PERMISSIONS;
	char *colon;

	(void)snprintf(
		out, PERMISSION_TEXT_MAX, "%s", has ? permission_text(route->permission) : "call");
	colon = strchr(out, ':');
	if (colon)
		*colon = '.';
}

static struct line line_of(const struct request *r, const struct table *table)
{
	const bool known = !id_is_zero(r->caller.principal);
	struct line line = {.row = {.by = request_actor(r), .reason = table->reason, .count = 1}};

	if (known && !r->caller.is_operator)
		line.row.tenant = r->caller.tenant;
	if (!known)
		line.row.by = (struct audit_actor){.kind = "nobody", .source = line.row.by.source};
	line.row.by.request = (struct id){{0}};
	action_put(r, line.action);
	return line;
}

static bool is_same(const struct line *a, const struct line *b)
{
	return id_equal(a->row.tenant, b->row.tenant) && id_equal(a->row.by.id, b->row.by.id) &&
	       id_equal(a->row.by.credential, b->row.by.credential) &&
	       id_equal(a->row.by.source, b->row.by.source) && strcmp(a->action, b->action) == 0;
}

static void count(struct table *table, const struct line *line)
{
	size_t i = 0;

	while (i < table->n && i < REFUSALS_LINES && !is_same(&table->lines[i], line))
		i++;
	if (i == REFUSALS_LINES && table->n <= REFUSALS_LINES) {
		table->lines[i] =
			(struct line){.row = {.by = {.kind = "others"}, .reason = table->reason},
				.action = "call"};
		table->n++;
	} else if (i == table->n) {
		table->lines[i] = *line;
		table->lines[i].row.count = 0;
		table->n++;
	}
	table->lines[i].row.count++;
}

void refusals_note(struct refusals *f, const struct request *r)
{
	const bool forbidden = r->reply.status == FORBIDDEN;
	struct table *table;
	struct line line;

	if ((!forbidden && r->reply.status != UNAUTHORIZED) || r->gate_err == ERR_APPROVAL)
		return;
	table = &f->tables[forbidden ? KNOWN : UNKNOWN];
	line = line_of(r, table);
	(void)pthread_mutex_lock(&f->lock);
	count(table, &line);
	(void)pthread_mutex_unlock(&f->lock);
}

size_t refusals_waiting(struct refusals *f)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&f->lock);
	for (size_t t = 0; t < TABLES; t++)
		n += f->tables[t].n;
	(void)pthread_mutex_unlock(&f->lock);
	return n;
}

/* ---- writing ---- */

static void written(void *ctx, enum err e)
{
	record_batch_end(ctx, e);
}

static enum err refusals_run(struct db *db, struct record_batch *batch)
{
	struct refusals *f = (struct refusals *)(void *)batch->items[0];
	struct audit_refusal rows[TABLES * (REFUSALS_LINES + 1)];

	for (size_t i = 0; i < f->sent_n; i++) {
		rows[i] = f->sent[i].row;
		rows[i].action = f->sent[i].action;
	}
	return audit_refusals_write(db, rows, f->sent_n, written, batch);
}

const struct record_op refusals_op = {"audit_refusals", RECORD_SLOW, 1, refusals_run, NULL};

/* When the record is away they are kept, and sent with the next. */
static void sent(struct record_item *item, enum err e)
{
	struct refusals *f = (struct refusals *)(void *)item;

	if (e)
		log_warn("refused calls are not in the audit yet", LOG_ERR(e),
			LOG_INT("rows", (int64_t)f->sent_n));
	else
		f->sent_n = 0;
	f->sending = false;
}

static void take(struct refusals *f)
{
	(void)pthread_mutex_lock(&f->lock);
	for (size_t t = 0; t < TABLES; t++) {
		memcpy(f->sent + f->sent_n, f->tables[t].lines, f->tables[t].n * sizeof *f->sent);
		f->sent_n += f->tables[t].n;
		f->tables[t].n = 0;
	}
	(void)pthread_mutex_unlock(&f->lock);
}

static void tick(void *owner)
{
	struct refusals *f = owner;

	loop_work(f->producer->loop, WORK_refusals);
	loop_timer_start(f->timer, f->producer->config->audit.refusals_ms);
	if (f->sending)
		return;
	if (f->sent_n == 0)
		take(f);
	if (f->sent_n == 0)
		return;
	memset(&f->item, 0, sizeof f->item);
	f->item.op = &refusals_op;
	f->item.done = sent;
	f->sending = true;
	if (record_add(f->producer->record, &f->item))
		f->sending = false;
}

enum err refusals_new(struct producer *p, struct refusals **ret_refusals)
{
	struct refusals *f = calloc(1, sizeof *f);
	enum err e;

	if (!f)
		return ERR_NOMEM;
	f->producer = p;
	f->tables[KNOWN].reason = "forbidden";
	f->tables[UNKNOWN].reason = "unauthorized";
	(void)pthread_mutex_init(&f->lock, NULL);
	e = loop_timer_new(p->loop, tick, f, &f->timer);
	if (e) {
		(void)pthread_mutex_destroy(&f->lock);
		free(f);
		return e;
	}
	loop_timer_start(f->timer, p->config->audit.refusals_ms);
	*ret_refusals = f;
	return ERR_OK;
}

void refusals_free(struct refusals *f)
{
	if (!f)
		return;
	loop_timer_free(f->timer);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}
