#include "jobs/bulk_chunk.h"

#include "domain/halving.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "jobs/job_scene.h"
#include "jobs/submit_call.h"
#include "producer.h"

#include <stdlib.h>
#include <string.h>

enum { PROBLEM_BYTES_MAX = 64 * 1024, CHUNK_BYTES = 4 << 20 };

/* One line that is not blank. */
struct line {
	struct job_spec spec;
	struct buf problem; /* not empty: the line was refused before the record saw it */
};

struct bulk_chunk {
	struct submit_item item; /* first */
	struct request *r;
	bulk_chunk_ended *ended;
	void *owner;
	size_t n, specs_n;
	struct line *lines;
	struct job_spec **specs; /* those of the lines that go to the record */
	size_t told;		 /* of specs: their outcome is known */
	struct halving halving;	 /* of those that follow, once a value was refused */
	_Atomic bool done;
};

static void chunk_reset(struct bulk_chunk *c)
{
	for (size_t i = 0; i < c->n; i++) {
		job_spec_clear(&c->lines[i].spec);
		buf_clear(&c->lines[i].problem);
	}
	c->n = c->specs_n = c->told = 0;
	c->halving = (struct halving){0};
	c->done = false;
}

void bulk_chunk_free(struct bulk_chunk *c)
{
	if (!c)
		return;
	chunk_reset(c);
	free(c->lines);
	free(c->specs);
	free(c);
}

struct bulk_chunk *bulk_chunk_new(struct request *r, bulk_chunk_ended *ended, void *owner)
{
	struct bulk_chunk *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->r = r;
	c->ended = ended;
	c->owner = owner;
	c->lines = calloc(BULK_CHUNK, sizeof *c->lines);
	c->specs = calloc(BULK_CHUNK, sizeof *c->specs);
	if (c->lines && c->specs)
		return c;
	bulk_chunk_free(c);
	return NULL;
}

/* The next line without its end; false after the last. */
static bool line_next(struct bulk_text *text, const char **ret_line, size_t *ret_len)
{
	while (text->at < text->end) {
		const char *line = text->at;
		const char *end = memchr(line, '\n', (size_t)(text->end - line));

		if (!end)
			end = text->end;
		text->at = end < text->end ? end + 1 : end;
		*ret_line = line;
		*ret_len = (size_t)(end - line);
		if (strspn(line, " \t\r") < *ret_len)
			return true;
	}
	return false;
}

static void line_read(
	struct bulk_chunk *c, const struct job_scene *scene, const char *text, size_t len)
{
	const size_t max = (size_t)scene->config->limits.body_bytes;
	struct line *line = &c->lines[c->n++];
	struct problems p = {0};
	enum err e = ERR_TOO_LARGE;

	line->spec = (struct job_spec){0};
	if (len > max)
		problems_add(&p, "", "longer than a job may be: %zu bytes", max);
	else
		e = job_spec_read(&line->spec, scene, text, len, &p);
	buf_init(&line->problem, PROBLEM_BYTES_MAX);
	if (e) {
		problem_write(&line->problem, e, NULL, &p, c->r->id_text);
		return;
	}
	line->spec.submit.accept_ms = (clock_us() - c->r->began_us) / 1000;
	c->specs[c->specs_n++] = &line->spec;
}

size_t bulk_chunk_read(struct bulk_chunk *c, struct bulk_text *text)
{
	struct request *r = c->r;
	struct queues_view *queues = queues_hold(r->producer->queues);
	const struct job_scene scene = job_scene_of(r, queues);
	const char *line, *first = text->at;
	size_t len;

	while (queues && c->n < BULK_CHUNK && text->at - first < CHUNK_BYTES &&
		line_next(text, &line, &len))
		line_read(c, &scene, line, len);
	queues_view_release(queues);
	return c->n;
}

/* Once it is done, whoever answers it may free it. */
static void chunk_end(struct bulk_chunk *c)
{
	bulk_chunk_ended *ended = c->ended;
	void *owner = c->owner;

	c->done = true;
	ended(owner);
}

/* The next n end so. */
static void outcomes_set(struct bulk_chunk *c, size_t n, enum err e)
{
	for (size_t i = 0; i < n; i++)
		c->specs[c->told + i]->submit.outcome = e;
}

static void committed(struct record_item *item, enum err e);

static void rest_send(struct bulk_chunk *c)
{
	struct producer *producer = c->r->producer;
	const size_t rest = c->specs_n - c->told;
	enum err e;

	submit_item_init(&c->item, c->specs + c->told, halving_most(&c->halving, rest));
	c->item.item.done = committed;
	c->item.item.owner = producer;
	e = record_add(producer->record, &c->item.item);
	if (e) {
		outcomes_set(c, rest, e);
		chunk_end(c);
	}
}

/* A data error is some one line's: it is looked for among fewer and fewer. */
static void committed(struct record_item *item, enum err e)
{
	struct bulk_chunk *c = (struct bulk_chunk *)(void *)item;
	const size_t n = c->item.n;

	if (e == ERR_DB_DATA && !halving_refused(&c->halving, n)) {
		rest_send(c);
		return;
	}
	if (e)
		outcomes_set(c, n, e);
	else
		halving_taken(&c->halving, c->specs_n);
	c->told += n;
	if (c->told < c->specs_n)
		rest_send(c);
	else
		chunk_end(c);
}

void bulk_chunk_send(struct bulk_chunk *c)
{
	if (c->specs_n)
		rest_send(c);
	else
		c->done = true;
}

bool bulk_chunk_is_done(const struct bulk_chunk *c)
{
	return c->done;
}

static void accepted_put(struct buf *out, const struct job_spec *spec, bool whole)
{
	struct job_row row;
	char id[ID_TEXT_MAX];

	if (whole) {
		submit_row(spec, &row);
		job_json_write(out, &row, NULL);
		return;
	}
	id_format("job", spec->submit.job_id, id);
	(void)buf_printf(
		out, "{\"id\":\"%s\",\"state\":\"%s\"}", id, job_state_text(spec->submit.state));
}

/* What a client may do about it: our own parts' troubles are all "come again". */
static enum err outcome_of(const struct producer *producer, const struct job_spec *spec)
{
	enum err e =
		queues_refusal_told(producer->queues, spec->submit.queue_id, spec->submit.outcome);

	if (e == ERR_DB_DATA)
		return ERR_INVALID_FIELD;
	return err_http(e) == 503 || e == ERR_NOT_FOUND ? ERR_UNAVAILABLE : e;
}

void bulk_chunk_answer(struct bulk_chunk *c, bool whole)
{
	struct buf *out = &c->r->reply.body;

	for (size_t i = 0; i < c->n; i++) {
		const struct line *line = &c->lines[i];
		enum err e = line->problem.len ? ERR_OK : outcome_of(c->r->producer, &line->spec);

		if (line->problem.len)
			(void)buf_append(out, line->problem.bytes, line->problem.len);
		else if (e)
			problem_write(out, e, NULL, NULL, c->r->id_text);
		else
			accepted_put(out, &line->spec, whole);
		(void)buf_char(out, '\n');
	}
	chunk_reset(c);
}
