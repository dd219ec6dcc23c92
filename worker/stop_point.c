#include "stop_point.h"

#ifdef CONTROL_STOP_POINTS

#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void stop_point(const struct worker *w, const char *name)
{
	char path[4096], point[32] = "", what[8] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/stop-point", w->config->worker.state_dir);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fscanf(file, "%31s %7s", point, what) == 2 && strcmp(point, name) == 0) {
		unlink(path);
		raise(strcmp(what, "STOP") == 0 ? SIGSTOP : SIGKILL);
	}
	fclose(file);
}

#else

/* ISO C wants something in every file. */
extern int stop_point_none;

#endif
