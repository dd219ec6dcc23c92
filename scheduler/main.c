/* longhaul-scheduler: makes due things move, with as many standing by as are started.
 *
 * One thread, one loop; the leader's turns (leader.h) run on its timer. SIGTERM and
 * SIGINT end it: the term is given back first. SIGHUP reads the configuration again. */
#include "config/start.h"
#include "ground/log.h"
#include "leader.h"
#include "ports/loop.h"

#include <signal.h>
#include <stdlib.h>

struct program {
	struct start start;
	struct loop *loop;
	struct leader *leader;
	struct loop_signal *term, *interrupt, *hangup;
};

static void on_stop(void *owner, int signo)
{
	struct program *program = owner;

	log_info("stopping", LOG_INT("signal", signo));
	loop_stop(program->loop);
}

static void on_hangup(void *owner, int signo)
{
	struct program *program = owner;

	if (start_reload("scheduler", program->start.path, &program->start.config))
		leader_configure(program->leader, program->start.config);
}

static enum err program_start(struct program *program)
{
	enum err err = loop_new(&program->loop);

	if (err == ERR_OK)
		err = loop_signal_new(program->loop, SIGTERM, on_stop, program, &program->term);
	if (err == ERR_OK)
		err = loop_signal_new(program->loop, SIGINT, on_stop, program, &program->interrupt);
	if (err == ERR_OK)
		err = loop_signal_new(program->loop, SIGHUP, on_hangup, program, &program->hangup);
	if (err == ERR_OK)
		err = leader_new(program->loop, program->start.config, &program->leader);
	return err;
}

static void program_stop(struct program *program)
{
	leader_free(program->leader);
	loop_signal_free(program->hangup);
	loop_signal_free(program->interrupt);
	loop_signal_free(program->term);
	loop_free(program->loop);
	config_release(program->start.config);
}

int main(int argc, char **argv)
{
	struct program program = {0};
	enum err err;

	if (!start_program("scheduler", argc, argv, &program.start))
		return program.start.exit_code;
	err = program_start(&program);
	if (err == ERR_OK) {
		log_info("started");
		loop_run(program.loop);
	} else {
		log_error("cannot start", LOG_ERR(err));
	}
	program_stop(&program);
	log_info("stopped");
	return err == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
