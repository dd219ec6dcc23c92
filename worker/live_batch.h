/* live_batch.h - one script call that carries new text of many jobs.
 *
 * Threads: the loop's.  Memory: LIVE_BATCH_MAX pieces, LIVE_BATCH_BYTES of text. */
#ifndef WORKER_LIVE_BATCH_H
#define WORKER_LIVE_BATCH_H

#include "domain/sealed.h"
#include "ground/buf.h"
#include "ground/id.h"
#include "ports/scratch.h"

enum { LIVE_BATCH_MAX = 256, LIVE_BATCH_BYTES = 1 << 20, LIVE_NUMBER_MAX = 24 };

/* What a piece is to Redis: the next of its attempt, the next and its stream is to be kept for
 * ttl_s from now, or the attempt's first (which is kept likewise). */
enum live_piece_word { LIVE_PIECE_NEXT, LIVE_PIECE_KEEP, LIVE_PIECE_FIRST };

struct live_batch {
	size_t n;
	struct {
		char job[ID_UUID_MAX];
		char fence[LIVE_NUMBER_MAX], seq[LIVE_NUMBER_MAX], bytes[LIVE_NUMBER_MAX];
		enum live_piece_word word;
		size_t at, len;
	} piece[LIVE_BATCH_MAX];
	struct buf text;
	struct scratch_script *script;
};

void live_batch_init(struct live_batch *b);
void live_batch_clear(struct live_batch *b);
void live_batch_reset(struct live_batch *b);
bool live_batch_full(const struct live_batch *b);
/* Only while not full. Text that does not fit any more, or whose box is not there, is left out: the
 * record has it. */
struct live_piece {
	struct id job;
	int64_t fence, seq;
	struct scratch_arg text; /* rests sealed */
	enum live_piece_word word;
};
void live_batch_add(
	struct live_batch *b, const struct sealed_box *box, const struct live_piece *piece);
MUST_CHECK enum err live_batch_script(struct live_batch *b, struct scratch *s);
/* Redis keeps the streams for ttl_s. The reply lists the jobs (UUIDs) whose stream had lost its
 * beginning. */
MUST_CHECK enum err live_batch_send(
	struct live_batch *b, int64_t ttl_s, struct scratch *s, scratch_reply_fn *fn, void *owner);

#endif
