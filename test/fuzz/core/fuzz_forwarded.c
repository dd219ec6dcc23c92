/* X-Forwarded-For: whatever it says, the client is one that a trusted proxy could have named. */
#include "domain/forwarded.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { TEXT_MAX = 4096, HEADERS = 3 };

/* A header for each line. Nobody who is trusted by nobody changes who they are. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const nets[] = {"10.0.0.0/8", "fd00::/8"};
	struct egress_net trusted[2], peer;
	uint8_t address[16];
	char text[TEXT_MAX], *values[HEADERS];
	size_t n = 0;

	if (len >= sizeof text)
		return 0;
	memcpy(text, bytes, len);
	text[len] = '\0';
	for (char *line = strtok(text, "\n"); line && n < HEADERS; line = strtok(NULL, "\n"))
		values[n++] = line;
	for (size_t i = 0; i < 2; i++)
		if (!egress_net_parse(nets[i], &trusted[i]))
			abort();
	if (!egress_net_parse("203.0.113.9", &peer))
		abort();
	memcpy(address, peer.bytes, sizeof address);
	forwarded_client((const char *const *)values, n, trusted, 2, address);
	if (memcmp(address, peer.bytes, sizeof address) != 0)
		abort();
	if (!egress_net_parse("10.0.0.1", &peer))
		abort();
	memcpy(address, peer.bytes, sizeof address);
	forwarded_client((const char *const *)values, n, trusted, 2, address);
	return 0;
}
