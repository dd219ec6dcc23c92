#include "duty.h"

#include "archive.h"
#include "config/config.h"
#include "deadline.h"
#include "dispatch.h"
#include "grants.h"
#include "keys.h"
#include "lost_message.h"
#include "reaper.h"
#include "reseal.h"
#include "sequencer.h"
#include "upkeep.h"

#include <stddef.h>

/* clang-format off */
#define KEY(name) {.key = offsetof(struct config, scheduler.name)}
#define MS(n)     {.ms = (n)}
const struct duty duty_table[] = {
	/* name         busy            idle               rest  run */
	{"reap",        KEY(reap_ms),   KEY(reap_ms),      1,    reaper_run},
	{"due",         MS(5),          KEY(due_ms),       1,    deadline_due},
	{"dispatch",    KEY(tick_ms),   KEY(idle_tick_ms), 1,    dispatch_run},
	{"expire",      MS(20),         KEY(expiry_ms),    2,    deadline_expire},
	{"grants",      KEY(allot_ms),  MS(500),           2,    grants_run},
	{"count",       MS(250),        MS(1000),          20,   upkeep_count},
	{"heads",       MS(500),        MS(1000),          20,   upkeep_heads},
	{"lost",        MS(250),        MS(1000),          4,    lost_message_run},
	{"notes",       MS(1000),       MS(2000),          4,    reaper_notes},
	{"audit",       MS(5),          MS(200),           2,    sequencer_run},
	{"archive",     MS(20),         KEY(upkeep_ms),    2,    archive_run},
	{"partitions",  MS(100),        KEY(upkeep_ms),    4,    upkeep_partitions},
	{"tidy",        MS(100),        KEY(upkeep_ms),    4,    upkeep_tidy},
	{"rewrap",      MS(50),         MS(1000),          4,    scheduler_keys_rewrap},
	{"reseal",      MS(20),         MS(1000),          4,    reseal_run},
	{"report",      MS(60000),      MS(60000),         0,    upkeep_report},
};
/* clang-format on */
const size_t duty_count = sizeof duty_table / sizeof *duty_table;

static int64_t pace_ms(const struct pace *pace, const struct config *config)
{
	return pace->key ? *(const int64_t *)((const char *)config + pace->key) : pace->ms;
}

int64_t duty_pause_ms(
	const struct duty *duty, const struct config *config, bool busy, int64_t took_ms)
{
	int64_t pause_ms = pace_ms(busy ? &duty->busy : &duty->idle, config);
	int64_t rest_ms = duty->rest * took_ms;

	return pause_ms > rest_ms ? pause_ms : rest_ms;
}
