/* An audit file is somebody else's: the verdict does not depend on how its bytes were cut. */
#include "domain/audit_check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void feed(const uint8_t *bytes, size_t len, size_t piece, struct audit_check *c)
{
	char *copy = malloc(len + 1); /* the checker changes what it reads */

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	audit_check_init(c);
	audit_check_file(c);
	for (size_t at = 0; at < len; at += piece)
		(void)audit_check_feed(c, copy + at, len - at < piece ? len - at : piece);
	(void)audit_check_end(c);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct audit_check whole, cut;

	feed(bytes, len, len, &whole);
	feed(bytes, len, 7, &cut);
	if (whole.faulty != cut.faulty || whole.fault_at != cut.fault_at ||
		whole.tree.size != cut.tree.size || whole.signed_size != cut.signed_size)
		abort();
	audit_check_clear(&whole);
	audit_check_clear(&cut);
	return 0;
}
