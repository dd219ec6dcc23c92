#include "domain/hold.h"

#include <string.h>

#define HOLD_ROW(name, word, err, wait, by) [HOLD_##name] = {word, by, err, wait},
static const struct {
	const char *word, *by;
	enum err err;
	enum job_wait wait;
} holds[HOLDS] = {HOLD_TABLE(HOLD_ROW)};
#undef HOLD_ROW

const char *hold_word(enum hold h)
{
	return holds[h].word;
}

const char *hold_by(enum hold h)
{
	return holds[h].by;
}

enum job_wait hold_wait(enum hold h)
{
	return holds[h].wait;
}

enum hold hold_from_word(const char *text)
{
	for (unsigned h = HOLD_NONE + 1; text && h < HOLDS; h++)
		if (strcmp(holds[h].word, text) == 0)
			return (enum hold)h;
	return HOLD_NONE;
}

enum hold hold_from_err(enum err e)
{
	for (unsigned h = HOLD_NONE + 1; h < HOLDS; h++)
		if (holds[h].err == e)
			return (enum hold)h;
	return HOLD_NONE;
}
