#include "source.h"

#include <errno.h>
#include <string.h>

enum { PIECE = 65536 };

enum outcome source_open(const struct call *call, const char *path, FILE **ret_in)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

	if (!in)
		return call_usage(call, "cannot read %s: %s", path, strerror(errno));
	*ret_in = in;
	return OUTCOME_OK;
}

void source_close(FILE *in)
{
	if (in && in != stdin)
		fclose(in);
}

static enum err read_all(FILE *in, struct buf *out)
{
	enum err e = ERR_OK;

	while (e == ERR_OK && !feof(in) && !ferror(in)) {
		char piece[PIECE];

		e = buf_append(out, piece, fread(piece, 1, sizeof(piece), in));
	}
	return ferror(in) ? ERR_SYSTEM : e;
}

enum outcome source_read(const struct call *call, const char *path, struct buf *out)
{
	FILE *in = NULL;
	enum outcome outcome = source_open(call, path, &in);
	enum err e;

	if (outcome != OUTCOME_OK)
		return outcome;
	e = read_all(in, out);
	if (e == ERR_SYSTEM)
		outcome = call_usage(call, "cannot read %s: %s", path, strerror(errno));
	else if (e != ERR_OK)
		outcome = call_usage(call, "%s is %s (%zu bytes)", path, err_text(e), out->max);
	source_close(in);
	return outcome;
}
