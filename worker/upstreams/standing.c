#include "upstreams/standing.h"

#include "ground/log.h"

#include <stdbool.h>

enum { TELL_MS = 60000 };

void standing_shared(struct standing *s)
{
	if (s->now == STANDING_AWAY || s->now == STANDING_REFUSED)
		log_info("Redis is back: breakers and limits are shared");
	s->now = STANDING_SHARED;
}

void standing_away(struct standing *s, int64_t workers)
{
	if (s->now == STANDING_SHARED || s->now == STANDING_REFUSED)
		log_warn("Redis is away: breakers and limits are this worker's own",
			LOG_INT("workers", workers));
	s->now = STANDING_AWAY;
}

void standing_refused(struct standing *s, const char *why, int64_t workers, int64_t now_ms)
{
	const bool before = s->now == STANDING_REFUSED;

	s->now = STANDING_REFUSED;
	s->refused = before ? s->refused + 1 : 0;
	if (!before)
		log_error("Redis refuses the exchange of limits: breakers and limits are this "
			  "worker's own",
			LOG_TEXT("why", why), LOG_INT("workers", workers));
	else if (now_ms - s->told_ms >= TELL_MS)
		log_error("Redis still refuses the exchange of limits", LOG_TEXT("why", why),
			LOG_INT("times", s->refused));
	else
		return;
	s->refused = 0;
	s->told_ms = now_ms;
}
