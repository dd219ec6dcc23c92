#include "config/start.h"
#include "ground/log.h"
#include "worker.h"

int main(int argc, char **argv)
{
	struct start start;
	struct worker *worker;
	int status;

	if (!start_program("worker", argc, argv, &start))
		return start.exit_code;
	if (worker_new(start.config, start.path, &worker) != ERR_OK)
		return 1;
	status = worker_run(worker);
	worker_free(worker);
	log_info("stopped");
	return status;
}
