#include "jobs/live_tell.h"

#include "domain/live_channel.h"
#include "ground/log.h"
#include "jobs/live.h"
#include "ports/scratch.h"
#include "stores/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNEL_MAX = QUEUE_NAME_MAX + 32 };

struct telling {
	struct live_call call;
	struct live *live;
	char channel[CHANNEL_MAX];
	size_t len;
	char text[];
};

static void telling_send(void *owner)
{
	struct telling *t = owner;
	const struct scratch_arg args[] = {
		SCRATCH_TEXT("PUBLISH"), SCRATCH_TEXT(t->channel), {t->text, t->len}};

	/* without Redis they learn it from the record */
	if (scratch_send(live_scratch(t->live), args, 3, NULL, NULL))
		log_debug("publish to redis refused", LOG_END);
	free(t);
}

static void telling_post(struct live *l, const char *channel, const char *text, size_t len)
{
	struct telling *t = live_scratch(l) ? malloc(sizeof *t + len) : NULL;

	if (!t)
		return;
	*t = (struct telling){.call.fn = telling_send, .call.owner = t, .live = l};
	(void)snprintf(t->channel, sizeof t->channel, "%s", channel);
	t->len = len;
	memcpy(t->text, text, len);
	live_post(l, &t->call);
}

void live_tell_state(struct live *l, struct id job, enum job_state state)
{
	char uuid[ID_UUID_MAX], line[80];

	id_uuid(job, uuid);
	(void)snprintf(line, sizeof line, "%s %s\n", uuid, job_state_text(state));
	telling_post(l, LIVE_STATE_CHANNEL, line, strlen(line));
}

void live_tell_cancel(struct live *l, const struct id *jobs, size_t n)
{
	struct buf lines;
	char uuid[ID_UUID_MAX];

	buf_init(&lines, n * ID_UUID_MAX + 1);
	for (size_t i = 0; i < n; i++) {
		id_uuid(jobs[i], uuid);
		(void)buf_printf(&lines, "%s%s", i ? "\n" : "", uuid);
	}
	if (n && !buf_err(&lines))
		telling_post(l, LIVE_CANCEL_CHANNEL, lines.bytes, lines.len);
	buf_clear(&lines);
}

void live_tell_early(
	struct live *l, const char *queue, int32_t partition, const void *bytes, size_t len)
{
	char channel[CHANNEL_MAX];

	(void)snprintf(channel, sizeof channel, LIVE_EARLY_OF "%d:%s", (int)partition, queue);
	telling_post(l, channel, bytes, len);
}
