#include "jobs/live_tail.h"

#include "domain/live_channel.h"
#include "ports/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNEL_MAX = 64 };

static const char prefix[] = LIVE_TAIL_OF;

static struct live_tail **bucket_of(struct live_tails *tails, struct id job)
{
	return &tails->buckets[(size_t)(job.bytes[14] << 8 | job.bytes[15]) % LIVE_TAILS_BUCKETS];
}

static void tail_channel(struct id job, char out[CHANNEL_MAX])
{
	char uuid[ID_UUID_MAX];

	id_uuid(job, uuid);
	(void)snprintf(out, CHANNEL_MAX, "%s%s", prefix, uuid);
}

void live_tail_follow(struct live_tails *tails, struct live_tail *tail)
{
	struct live_tail **at = bucket_of(tails, tail->job);
	char channel[CHANNEL_MAX];

	if (tail->following || !tails->follower)
		return;
	tail_channel(tail->job, channel);
	if (scratch_follow(tails->follower, channel))
		return;
	tail->next = *at;
	*at = tail;
	tail->following = true;
}

void live_tail_leave(struct live_tails *tails, struct live_tail *tail)
{
	struct live_tail **at = bucket_of(tails, tail->job);
	char channel[CHANNEL_MAX];

	if (!tail->following)
		return;
	while (*at && *at != tail)
		at = &(*at)->next;
	if (*at)
		*at = tail->next;
	tail->following = false;
	tail_channel(tail->job, channel);
	scratch_unfollow(tails->follower, channel);
}

/* "<number> <text>" */
static void tell(struct live_tails *tails, const char *uuid, const char *bytes, size_t len)
{
	const char *blank = memchr(bytes, ' ', len);
	int64_t number = strtoll(bytes, NULL, 10);
	struct id job;

	if (!blank || number <= 0 || !id_uuid_parse(uuid, &job))
		return;
	blank++;
	for (struct live_tail *t = *bucket_of(tails, job), *next; t; t = next) {
		next = t->next;
		if (id_equal(t->job, job))
			t->fn(t->owner, number, blank, len - (size_t)(blank - bytes));
	}
}

bool live_tails_message(
	struct live_tails *tails, const char *channel, const char *bytes, size_t len)
{
	const size_t n = sizeof prefix - 1;

	if (strncmp(channel, prefix, n) != 0)
		return false;
	tell(tails, channel + n, bytes, len);
	return true;
}
