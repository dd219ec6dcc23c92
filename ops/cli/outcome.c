#include "outcome.h"

#include <stddef.h>
#include <string.h>

#define OUTCOME_ROW(name, code, text) {OUTCOME_##name, text},
const struct outcome_row outcome_rows[] = {OUTCOME_TABLE(OUTCOME_ROW){OUTCOME_OK, NULL}};
#undef OUTCOME_ROW

static const struct {
	int status;
	enum outcome outcome;
} by_status[] = {
	{401, OUTCOME_REFUSED},
	{403, OUTCOME_REFUSED},
	{404, OUTCOME_NOT_FOUND},
	{408, OUTCOME_UNAVAILABLE},
	{409, OUTCOME_CONFLICT},
	{429, OUTCOME_UNAVAILABLE},
	{502, OUTCOME_UNAVAILABLE},
	{503, OUTCOME_UNAVAILABLE},
	{504, OUTCOME_UNAVAILABLE},
};

enum outcome outcome_from_status(int status)
{
	for (size_t i = 0; i < sizeof(by_status) / sizeof(by_status[0]); i++)
		if (by_status[i].status == status)
			return by_status[i].outcome;
	return OUTCOME_FAILED;
}

enum outcome outcome_from_refusal(int status, const char *code)
{
	if (code && strcmp(code, "idempotency_conflict") == 0)
		return OUTCOME_CONFLICT;
	return outcome_from_status(status);
}
