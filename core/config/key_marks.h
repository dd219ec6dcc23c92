/* key_marks.h - does a key's file hold something else than when it was read last?
 *
 * A key is rotated by writing its file anew; the configuration that names the file
 * stays as it is, and a reload would say that nothing changed. So a mark of each
 * content is remembered beside the configuration: a hash under a key of this process
 * alone, which says equal or not equal and is of no use to anybody else.
 *
 * Threads: the one that loads.  Memory: the configuration owns its marks. */
#ifndef CONFIG_KEY_MARKS_H
#define CONFIG_KEY_MARKS_H

#include "config/config.h"

struct key_marks;

/* Reads the files that upstreams and upstream_keys name, and has config remember their marks; those
 * of before (NULL: there are none) can be compared with them. A file that cannot be read has no
 * mark. ERR_NOMEM */
MUST_CHECK enum err key_marks_read(struct config *config, const struct config *before);
/* Appends a line for each file that both name and that holds something else now. */
enum err key_marks_tell(
	const struct config *config, const struct config *before, struct buf *changes);
/* NULL is fine. */
void key_marks_free(struct key_marks *marks);

#endif
