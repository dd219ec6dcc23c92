#include "ports/process.h"

#include "ground/clock.h"
#include "ground/version.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { STAT_FIELD_START = 20 /* after the name in brackets; proc(5): starttime */ };

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double cpu_seconds(void)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) != 0)
		return 0;
	return seconds(used.ru_utime) + seconds(used.ru_stime);
}

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long all, resident = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	fclose(file);
	return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* Seconds from the machine's boot to our start. */
static double start_after_boot(void)
{
	FILE *file = fopen("/proc/self/stat", "re");
	unsigned long long ticks = 0;
	char line[1024], *at;

	if (!file)
		return 0;
	at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	for (int field = 0; at && field < STAT_FIELD_START; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &ticks) != 1)
		return 0;
	return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

/* By the record's time: a host's clock that is set would look like a start. */
static double start_time(void)
{
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	return (double)clock_record_ms() / 1e3 - (double)up.tv_sec - (double)up.tv_nsec / 1e9 +
	       start_after_boot();
}

void process_metrics(struct metric_text *text)
{
	metric_real(text, METRIC_BUILD_INFO, METRIC_LABELS(LONGHAUL_VERSION), 1);
	metric_real(text, METRIC_START_TIME, NULL, start_time());
	metric_real(text, METRIC_CPU, NULL, cpu_seconds());
	metric_real(text, METRIC_RESIDENT, NULL, resident_bytes());
}
