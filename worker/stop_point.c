#include "stop_point.h"

#ifdef CONTROL_STOP_POINTS

#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void stop_point(const struct job *job, const char *name)
{
	char path[4096], point[32] = "", what[8] = "", wanted[ID_UUID_MAX] = "", uuid[ID_UUID_MAX];
	FILE *file;
	int words;

	snprintf(path, sizeof(path), "%s/stop-point", job->worker->config->worker.state_dir);
	file = fopen(path, "re");
	if (!file)
		return;
	words = fscanf(file, "%31s %7s %36s", point, what, wanted);
	fclose(file);
	id_uuid(job->id, uuid);
	if (words < 2 || strcmp(point, name) != 0 || (words == 3 && strcmp(wanted, uuid) != 0))
		return;
	unlink(path);
	raise(strcmp(what, "STOP") == 0 ? SIGSTOP : SIGKILL);
}

#else

/* ISO C wants something in every file. */
extern int stop_point_none;

#endif
