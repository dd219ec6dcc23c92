/* Foreign bytes on a topic: whatever is read writes back to the very same bytes. */
#include "domain/dispatch_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct dispatch_key keys[DISPATCH_MESSAGE_JOBS_MAX];
	static uint8_t again[DISPATCH_MESSAGE_BYTES_MAX];
	struct dispatch_message message;

	if (dispatch_message_read(bytes, len, &message) != ERR_OK)
		return 0;
	for (size_t i = 0; i < message.n; i++)
		keys[i] = dispatch_message_key(&message, i);
	if (dispatch_message_write(message.batch, keys, message.n, again) != len ||
		memcmp(again, bytes, len) != 0)
		abort();
	return 0;
}
