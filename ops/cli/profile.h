/* profile.h - which longhaul to talk to, and with which key.
 *
 * A file of lines name=value. Keys stand in files of their own that nobody else
 * may read; they never come from an argument or from the environment, where
 * every process listing and shell history would show them.
 *
 * Threads: one.  Memory: fixed fields, paths bounded by PATH_MAX. */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "call.h"

#include <limits.h>

enum { PROFILE_URL_MAX = 512, PROFILE_MODEL_MAX = 256 };

struct profile {
	char path[PATH_MAX];
	char url[PROFILE_URL_MAX];	 /* of the API, without a final slash */
	char admin_url[PROFILE_URL_MAX]; /* of the operators' listener */
	char api_key_file[PATH_MAX];
	char admin_key_file[PATH_MAX];
	char model[PROFILE_MODEL_MAX]; /* asked when submit names none; may be empty */
};

/* What stands in docs/cli.md about it. */
extern const char profile_help[];

/* Reads --profile FILE, else the file that LONGHAUL_PROFILE names, else
 * $XDG_CONFIG_HOME/longhaul/profile or ~/.config/longhaul/profile. When something is wrong all of
 * it was said on call->err with file and line, and *ret is untouched. */
enum outcome profile_read(const struct call *call, struct profile *ret);

/* The same from an open file, for tests; path only names it and gives relative paths their folder.
 */
enum outcome profile_parse(
	const struct call *call, FILE *in, const char *path, struct profile *ret);

#endif
