#include "work.h"

const char *work_text(enum work work)
{
	static const char *const names[] = {
#define WORK_TEXT(name) #name,
		WORK_TABLE(WORK_TEXT)
#undef WORK_TEXT
	};

	return work < WORKS ? names[work] : names[WORK_other];
}
