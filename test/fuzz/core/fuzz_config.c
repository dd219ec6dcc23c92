/* Any file is taken or refused; a refusal says something, and what is taken prints. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct config *config = NULL;
	struct buf faults;
	enum err e;

	buf_init(&faults, 1 << 16);
	e = config_parse("f", (const char *)bytes, len, &faults, &config);
	if ((e == ERR_OK) != (config != NULL) || (e == ERR_CONFIG && faults.len == 0))
		abort();
	config_release(config);
	buf_clear(&faults);
	return 0;
}
