/* main.c - longhaul-producer: start, reload, drain, stop; in that order below. */
#include "config/start.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "ports/loop.h"
#include "running.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { WAIT_MS = 50 };

/* Signals are taken one at a time by this thread; all others have them blocked. */
static int signal_wait(const sigset_t *set)
{
	int signo;

	do
		signo = sigwaitinfo(set, NULL);
	while (signo < 0);
	return signo;
}

static void reload(struct producer *p, const char *path)
{
	struct config *config;

	if (!running_may_configure(p)) {
		log_error("configuration not reloaded: after a thousand reloads the program must "
			  "be started again",
			LOG_END);
		return;
	}
	config = config_hold(p->config);
	if (start_reload("producer", path, &config))
		running_configure(p, config);
	else
		config_release(config);
}

static void serve(struct producer *p, const char *path, const sigset_t *set)
{
	while (signal_wait(set) == SIGHUP)
		reload(p, path);
}

/* readyz says no, nothing new comes in, what is under way ends; a second signal ends the patience.
 */
static void drain(struct producer *p, const sigset_t *set)
{
	int64_t until = clock_ms() + p->config->producer.drain_s * 1000;
	const struct timespec pause = {.tv_nsec = WAIT_MS * 1000000L};

	log_info("draining", LOG_INT("seconds", p->config->producer.drain_s));
	running_drain(p);
	while (running_busy(p) && clock_ms() < until)
		if (sigtimedwait(set, NULL, &pause) > 0)
			break;
}

int main(int argc, char **argv)
{
	struct start start;
	struct producer *p = NULL;
	sigset_t set;
	int code = 1;

	if (!start_program("producer", argc, argv, &start))
		return start.exit_code;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (running_start(start.config, &p) == ERR_OK) {
		serve(p, start.path, &set);
		drain(p, &set);
		code = 0;
	}
	running_stop(p);
	log_info("stopped", LOG_END);
	return code;
}
