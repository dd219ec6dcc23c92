/* Foreign bytes on a socket: whatever is read lies within what came. */
#include "simulator/request.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct request r;

	if (request_read((const char *)bytes, len, &r) != REQUEST_READY)
		return 0;
	if (r.total > len || r.body.at + r.body.len > (const char *)bytes + len)
		abort();
	slice_query(r.query, "job");
	return 0;
}
