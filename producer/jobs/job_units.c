#include "jobs/job_units.h"

enum { BYTES_A_TOKEN = 4, TOKENS_A_UNIT = 1000 };

static int64_t output_tokens(const json_t *input)
{
	static const char *const names[] = {
		"max_tokens", "max_completion_tokens", "max_output_tokens"};
	int64_t most = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int64_t bound = json_integer_value(json_object_get(input, names[i]));

		most = bound > most ? bound : most;
	}
	return most;
}

int32_t job_units(const json_t *input, size_t bytes)
{
	int64_t most = (int64_t)JOB_UNITS_MAX * TOKENS_A_UNIT, output = output_tokens(input);
	int64_t tokens = (int64_t)(bytes / BYTES_A_TOKEN) + (output < most ? output : most);
	int64_t units = (tokens + TOKENS_A_UNIT - 1) / TOKENS_A_UNIT;

	if (units < 1)
		return 1;
	return units < JOB_UNITS_MAX ? (int32_t)units : JOB_UNITS_MAX;
}
