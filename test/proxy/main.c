/* fault-proxy - stands between two programs and spoils their lines as it is told (control.h). */
#include "proxy/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void on_stop(void *owner, int signo)
{
	loop_stop(owner);
}

int main(int argc, char **argv)
{
	struct loop *loop = NULL;
	struct control *control = NULL;
	struct loop_signal *term = NULL;
	enum err e;

	if (argc != 3 || strcmp(argv[1], "--control") != 0) {
		fputs("usage: fault-proxy --control SOCKET\n", stderr);
		return 2;
	}
	e = loop_new(&loop);
	if (e == ERR_OK)
		e = loop_signal_new(loop, SIGTERM, on_stop, loop, &term);
	if (e == ERR_OK)
		e = control_new(loop, argv[2], &control);
	if (e == ERR_OK)
		loop_run(loop);
	else
		fprintf(stderr, "fault-proxy: %s: %s\n", err_text(e), strerror(errno));
	control_free(control);
	loop_signal_free(term);
	loop_free(loop);
	return e == ERR_OK ? 0 : 1;
}
