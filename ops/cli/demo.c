#include "handlers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the checkout's own script stands, seen from build/MODE/longhaul. */
#define DEMO "ops/dev/demo"

static bool find_beside_program(char out[PATH_MAX])
{
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (n <= 0)
		return false;
	program[n] = '\0';
	for (int up = 0; up < 3; up++) {
		char *slash = strrchr(program, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	return snprintf(out, PATH_MAX, "%s/" DEMO, program) < PATH_MAX && access(out, X_OK) == 0;
}

enum outcome demo_run(struct call *call)
{
	char path[PATH_MAX];

	if (call_flag(call, "json"))
		return call_usage(call, "the demo is for people: it has no JSON form");
	if (!find_beside_program(path))
		return call_usage(call,
			"the demo needs a checkout: run the longhaul that was built in "
			"one (build/release/longhaul)");
	if (setenv("LITE", call_flag(call, "lite") ? "1" : "", 1) != 0)
		return call_fail(call, OUTCOME_FAILED, "out of memory");
	fflush(call->out);
	execl(path, path, (char *)NULL);
	return call_fail(call, OUTCOME_FAILED, "cannot run %s: %s", path, strerror(errno));
}
