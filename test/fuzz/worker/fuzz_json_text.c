/* A request that is valid JSON stays valid when a member is set, and keeps all its others. */
#include "ports/json.h"
#include "upstreams/json_text.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static json_t *parse(const char *bytes, size_t len)
{
	struct problems problems = {.n = 0};
	json_t *value = NULL;

	return json_read(bytes, len, 64, &problems, &value) == ERR_OK ? value : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct json_text object = {(const char *)bytes, len};
	json_t *before = parse(object.at, len), *after;
	struct json_text found;
	struct buf out;
	enum err e;

	buf_init(&out, len + 100);
	e = json_text_set(object, "stream", "true", &out);
	(void)json_text_member(object, "model", &found);
	if (json_is_object(before)) {
		after = e ? NULL : parse(out.bytes, out.len);
		if (!after || !json_is_true(json_object_get(after, "stream")))
			abort();
		json_object_set_new(before, "stream", json_true());
		if (!json_equal(before, after))
			abort();
		json_decref(after);
	}
	json_decref(before);
	buf_clear(&out);
	return 0;
}
