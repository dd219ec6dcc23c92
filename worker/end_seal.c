#include "end_seal.h"

#include "domain/verdict.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "job.h"
#include "sealing.h"
#include "writer.h"

/* Deltas that are not in the record yet, as one run. */
static enum err deltas_seal(
	struct job *job, const struct sealed_box *box, struct buf *sealed, struct event_run *run)
{
	const size_t deltas = output_unwritten(&job->output);
	enum err e;

	job->end.runs = NULL;
	job->end.runs_n = 0;
	if (!deltas)
		return ERR_OK;
	e = writer_run(job, box, deltas, sealed, run);
	job->end.runs = run;
	job->end.runs_n = 1;
	return e;
}

/* A job without a call has no content, and no key: its empty object is not kept. */
static enum err result_seal(struct job *job, const struct sealed_box *box, struct buf *sealed)
{
	if (job->end.as != FINISH_COMPLETED || !job->call)
		return ERR_OK;
	return sealing_append(sealed, box, (struct sealed_where){SEALED_RESULT, job->id, 0},
		(struct db_bytes){released_bytes(job->result), released_len(job->result)},
		&job->end.result);
}

static enum err values_seal(
	struct job *job, const struct sealed_box *box, struct buf *sealed, struct event_run *run)
{
	enum err e = result_seal(job, box, sealed);

	if (!e)
		e = sealing_append(sealed, box,
			(struct sealed_where){SEALED_MESSAGE, job->id, job->fence},
			(struct db_bytes){job->words.bytes, job->words.len}, &job->end.message);
	return e ? e : deltas_seal(job, box, sealed, run);
}

bool end_leave_text(struct job *job)
{
	const size_t deltas = output_unwritten(&job->output);

	if (deltas) {
		log_error("the record refuses a job's running text: it is left out",
			LOG_ID("job", "job", job->id), LOG_INT("deltas", (int64_t)deltas));
		output_written(&job->output, deltas);
	}
	return deltas != 0;
}

void end_disown(struct job *job, enum err e)
{
	job->error = e;
	job->end.as = FINISH_FAILED;
	job->end.error = e;
	job->end.result = job->end.message = (struct db_bytes){NULL, 0};
	job->end.runs = NULL;
	job->end.runs_n = 0;
	if (e == ERR_DB_DATA) /* a number may be what was refused; else the call is billed all the
				 same */
		job->end.input_tokens = job->end.output_tokens = job->end.cost_nano = 0;
	buf_clear(&job->words);
	output_written(&job->output, output_unwritten(&job->output));
}

enum err end_seal(struct job *job, struct buf *sealed, struct event_run *run)
{
	struct sealed_box box;
	enum err e;

	if (job->replied_us)
		job->end.timings_ms[TIMING_FINISH] =
			(int32_t)((clock_us() - job->replied_us) / 1000);
	sealing_open(&box, job);
	e = values_seal(job, &box, sealed, run);
	sealed_box_close(&box);
	if (e != ERR_SEALING)
		return e;
	log_error("the data key of a job is gone", LOG_ID("job", "job", job->id));
	end_disown(job, ERR_SEALING);
	return ERR_OK;
}
