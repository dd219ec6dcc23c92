#include "duty.h"

#include "dispatch.h"
#include "grants.h"
#include "lost.h"
#include "moment.h"
#include "reaper.h"
#include "upkeep.h"

/*	name		busy	idle	rest	run */
const struct duty duty_table[] = {
	{"reap", 250, 250, 1, reaper_run},
	{"due", 20, 100, 1, moment_due},
	{"dispatch", 20, 100, 1, dispatch_run},
	{"expire", 20, 500, 2, moment_expire},
	{"grants", 100, 500, 2, grants_run},
	{"count", 250, 500, 20, upkeep_count},
	{"heads", 500, 1000, 20, upkeep_heads},
	{"lost", 500, 1000, 4, lost_run},
	{"notes", 1000, 1000, 4, reaper_notes},
	{"partitions", 100, 60000, 4, upkeep_partitions},
	{"tidy", 100, 10000, 4, upkeep_tidy},
	{"report", 60000, 60000, 0, upkeep_report},
};
const size_t duty_count = sizeof duty_table / sizeof *duty_table;
