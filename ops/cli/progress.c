#include "progress.h"

#include "output.h"

#include <string.h>

#define WIPE "\r\033[K"

void progress_init(struct progress *p, const struct call *call)
{
	memset(p, 0, sizeof(*p));
	p->out = call->err;
	p->terminal = output_is_terminal(call->err);
}

void progress_show(struct progress *p, const char *news, const char *detail)
{
	if (p->terminal) {
		fprintf(p->out, WIPE "%s%s%s", news, *detail ? "  " : "", detail);
		p->shown = true;
	} else if (strncmp(p->last, news, sizeof(p->last) - 1) != 0) {
		fprintf(p->out, "%s\n", news);
		snprintf(p->last, sizeof(p->last), "%s", news);
	}
	fflush(p->out);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs(WIPE, p->out);
	p->shown = false;
	fflush(p->out);
}
