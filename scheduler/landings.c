#include "landings.h"

#include "domain/dispatch_message.h"

#include <stdio.h>

static void fill(struct landing *landing, struct id batch, const char *queue, size_t jobs)
{
	landing->batch = batch;
	landing->jobs = (int32_t)jobs;
	landing->partition = -1;
	landing->offset = -1;
	snprintf(landing->queue, sizeof landing->queue, "%s", queue);
}

void landings_fail(struct landings *landings, struct id batch, const char *queue, size_t jobs)
{
	if (landings->failed_n < LANDINGS_MAX)
		fill(&landings->failed[landings->failed_n++], batch, queue, jobs);
}

void landings_note(void *landings, const struct stream_delivery *delivery)
{
	struct landings *l = landings;
	struct dispatch_message message;
	struct landing *landing;

	if (dispatch_message_read(delivery->bytes, delivery->len, &message) != ERR_OK)
		return;
	if (delivery->err != ERR_OK) {
		landings_fail(l, message.batch, delivery->queue, message.n);
		return;
	}
	if (l->landed_n == LANDINGS_MAX)
		return;
	landing = &l->landed[l->landed_n++];
	fill(landing, message.batch, delivery->queue, message.n);
	landing->partition = delivery->partition;
	landing->offset = delivery->offset;
}
