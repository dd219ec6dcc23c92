#include "identity/fault.h"

#define FAULT_TEXT(name, text) text,
static const char *const texts[] = {FAULTS(FAULT_TEXT)};
#undef FAULT_TEXT

const char *fault_text(enum fault fault)
{
	return texts[fault];
}
