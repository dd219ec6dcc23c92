#include "connect/history.h"

#include "ground/clock.h"
#include "ground/log.h"

void history_tell(uint32_t timeline, int64_t ends_ms, int64_t held, bool reviewed)
{
	char ends[CLOCK_TEXT_MAX] = "unknown";

	if (ends_ms)
		clock_format(ends_ms, ends);
	log_error("the record has another history: what was committed behind its end is lost",
		LOG_INT("timeline", timeline), LOG_TEXT("ends", ends), LOG_INT("held", held),
		LOG_TEXT("jobs_held", reviewed ? "wait: see `longhaul review list`" : "run again"));
}
