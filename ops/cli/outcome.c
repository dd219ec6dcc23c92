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

/* Those whose status says less; what is full of keys or revocations is no better in a minute. */
static const struct {
	const char *code;
	enum outcome outcome;
} by_code[] = {
	{"idempotency_conflict", OUTCOME_CONFLICT},
	{"keys_full", OUTCOME_FAILED},
	{"revocations_full", OUTCOME_FAILED},
};

enum outcome outcome_from_refusal(int status, const char *code)
{
	for (size_t i = 0; code && i < sizeof(by_code) / sizeof(by_code[0]); i++)
		if (strcmp(by_code[i].code, code) == 0)
			return by_code[i].outcome;
	return outcome_from_status(status);
}
