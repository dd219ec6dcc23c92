#include "ground/err.h"

#include <stddef.h>
#include <string.h>

struct err_row {
	const char *code;
	const char *text;
	int http;
	enum fate fate;
};

#define ERR_ROW(name, code, http, fate, text) [ERR_##name] = {code, text, http, FATE_##fate},
static const struct err_row err_rows[ERR_COUNT_] = {ERR_TABLE(ERR_ROW)};
#undef ERR_ROW

static const struct err_row *err_row(enum err e)
{
	return &err_rows[(unsigned)e < ERR_COUNT_ ? e : ERR_INTERNAL];
}

const char *err_code(enum err e)
{
	return err_row(e)->code;
}

int err_http(enum err e)
{
	return err_row(e)->http;
}

enum fate err_fate(enum err e)
{
	return err_row(e)->fate;
}

const char *err_text(enum err e)
{
	return err_row(e)->text;
}

enum err err_from_code(const char *code)
{
	for (unsigned i = 0; code != NULL && i < ERR_COUNT_; i++) {
		if (strcmp(err_rows[i].code, code) == 0)
			return (enum err)i;
	}
	return ERR_INTERNAL;
}
