/* kafka.h - the section `kafka` as the settings of a client.
 *
 * Threads: any.  Memory: the texts are the configuration's; every _open copies them. */
#ifndef CONNECT_KAFKA_H
#define CONNECT_KAFKA_H

#include "config/config.h"
#include "ports/stream/settings.h"

/* All rows; each part reads those that concern it. client_id is the program's name. */
struct stream_settings kafka_settings(const struct config *config, const char *client_id);

#endif
