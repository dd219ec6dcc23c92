#include "sealing.h"

#include "job.h"
#include "worker.h"

void sealing_open(struct sealed_box *box, const struct job *job)
{
	sealed_box_open(box, job->worker->keyring, job->tenant, &job->data_key);
}

enum err sealing_append(struct buf *buffer, const struct sealed_box *box, struct sealed_where where,
	struct db_bytes text, struct db_bytes *ret_sealed)
{
	const size_t from = buffer->len;
	enum err e;

	*ret_sealed = (struct db_bytes){NULL, 0};
	if (!text.len)
		return ERR_OK;
	e = sealed_close(box, where, text.bytes, text.len, buffer);
	if (!e)
		*ret_sealed = (struct db_bytes){buffer->bytes + from, buffer->len - from};
	return e;
}
