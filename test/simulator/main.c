/* simulator - a model endpoint whose behaviour is asked for in the model's name. */
#include "ground/log.h"
#include "simulator/server.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] = "usage: simulator --listen 127.0.0.1:PORT [--calls N]\n"
			    "  --listen  address and port; port 0 takes a free one and logs it\n"
			    "  --calls   how many calls the log keeps (1048576)\n";

/* As many connections as the hard limit lets us hold. */
static void files_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("open files stay limited", LOG_INT("errno", errno));
}

static int run(const char *listen, size_t calls_max)
{
	struct server *s = NULL;
	enum err e = server_open(listen, calls_max, &s);

	if (e != ERR_OK) {
		fprintf(stderr, "simulator: cannot listen on %s: %s\n", listen,
			e == ERR_SYSTEM ? strerror(errno) : err_text(e));
		return 1;
	}
	log_info("listening", LOG_INT("port", server_port(s)));
	e = server_run(s);
	log_info("stopped", LOG_ERR(e));
	server_close(s);
	return e == ERR_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
		{"calls", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0}};
	const char *listen = NULL;
	long calls_max = CALLS_DEFAULT;

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (o == 'l')
			listen = optarg;
		else if (o == 'c')
			calls_max = strtol(optarg, NULL, 10);
		else
			listen = "";
	}
	if (!listen || !*listen || calls_max < 1) {
		fputs(usage, stderr);
		return 2;
	}
	log_open("simulator", LOG_LEVEL_INFO);
	files_raise();
	return run(listen, (size_t)calls_max);
}
