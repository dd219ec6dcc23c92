/* settings.h - what the configuration says to a scheduler.
 *
 * Threads: read only after start.  Memory: strings belong to the configuration. */
#ifndef SCHEDULER_SETTINGS_H
#define SCHEDULER_SETTINGS_H

#include <stdint.h>

struct settings {
	const char *database_url;
	const char *passfile;	  /* NULL: libpq's own default */
	const char *brokers;	  /* "" = no Kafka: workers claim from the tables */
	const char *topic_prefix; /* topics are <prefix>.<queue> */
	int64_t tick_ms;	  /* how often a busy leader dispatches */
	int64_t term_ms;	  /* how long a leader that vanished stays leader */
};

#endif
