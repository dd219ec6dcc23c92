#include "live_batch.h"

#include "domain/live_channel.h"

#include <stdio.h>
#include <string.h>

/* KEYS: jobs. ARGV: the time to live, then fence, number, "first", "keep" or "", sealed text
 * and how long it is for each. A piece that is not its attempt's first must follow the number
 * before it; if it does not, Redis has lost something, and the job is returned. Each command costs
 * Redis a microsecond or two for every token of the fleet, so lives are prolonged only where the
 * worker says so, or all is new. */
static const char source[] =
	"local lost = {}\n"
	"for i = 1, #KEYS do\n"
	"  local id, at = KEYS[i], 5 * i - 3\n"
	"  local fence, seq, word, text = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]\n"
	"  local about = '" LIVE_FENCE_OF "' .. id\n"
	"  local held = redis.call('HMGET', about, 'fence', 'seq', 'bytes')\n"
	"  if not held[1] or tonumber(held[1]) <= tonumber(fence) then\n"
	"    local stream, first = '" LIVE_STREAM_OF "' .. id, word == 'first'\n"
	"    local keep = word ~= '' or not held[1]\n"
	"    local added = redis.pcall('XADD', stream, seq .. '-0', 't', text)\n"
	"    if type(added) ~= 'table' then\n"
	"      if keep then redis.call('EXPIRE', stream, ARGV[1]) end\n"
	"      redis.call('PUBLISH', '" LIVE_TAIL_OF "' .. id, seq .. ' ' .. text)\n"
	"    end\n"
	"    if not first and tonumber(held[2] or 0) + 1 ~= tonumber(seq) then\n"
	"      lost[#lost + 1] = id\n"
	"    end\n"
	"    local bytes = tonumber(ARGV[at + 4]) + (first and 0 or tonumber(held[3] or 0))\n"
	"    redis.call('HSET', about, 'fence', fence, 'seq', seq, 'bytes', bytes)\n"
	"    if keep then redis.call('EXPIRE', about, ARGV[1]) end\n"
	"  end\n"
	"end\n"
	"return lost\n";

static const char *const words[] = {
	[LIVE_PIECE_NEXT] = "", [LIVE_PIECE_KEEP] = "keep", [LIVE_PIECE_FIRST] = "first"};

void live_batch_init(struct live_batch *b)
{
	b->n = 0;
	b->script = NULL;
	buf_init(&b->text, LIVE_BATCH_BYTES);
}

void live_batch_clear(struct live_batch *b)
{
	buf_clear(&b->text);
	b->n = 0;
}

void live_batch_reset(struct live_batch *b)
{
	buf_reset(&b->text);
	b->n = 0;
}

bool live_batch_full(const struct live_batch *b)
{
	return b->n == LIVE_BATCH_MAX || b->text.len > LIVE_BATCH_BYTES / 2;
}

void live_batch_add(
	struct live_batch *b, const struct sealed_box *box, const struct live_piece *piece)
{
	const struct sealed_where where = {SEALED_LIVE, piece->job, piece->seq};
	const size_t at = b->text.len;

	if (sealed_close(box, where, piece->text.bytes, piece->text.len, &b->text) != ERR_OK) {
		b->text.err = ERR_OK;
		return;
	}
	id_uuid(piece->job, b->piece[b->n].job);
	snprintf(b->piece[b->n].fence, LIVE_NUMBER_MAX, "%lld", (long long)piece->fence);
	snprintf(b->piece[b->n].seq, LIVE_NUMBER_MAX, "%lld", (long long)piece->seq);
	snprintf(b->piece[b->n].bytes, LIVE_NUMBER_MAX, "%zu", piece->text.len);
	b->piece[b->n].at = at;
	b->piece[b->n].word = piece->word;
	b->piece[b->n++].len = b->text.len - at;
}

enum err live_batch_script(struct live_batch *b, struct scratch *s)
{
	return scratch_script_add(s, source, &b->script);
}

enum err live_batch_send(
	struct live_batch *b, int64_t ttl_s, struct scratch *s, scratch_reply_fn *fn, void *owner)
{
	char ttl[LIVE_NUMBER_MAX];
	struct scratch_arg args[6 * LIVE_BATCH_MAX + 1];
	size_t n = 0;

	snprintf(ttl, sizeof(ttl), "%lld", (long long)ttl_s);
	for (size_t i = 0; i < b->n; i++)
		args[n++] = SCRATCH_TEXT(b->piece[i].job);
	args[n++] = SCRATCH_TEXT(ttl);
	for (size_t i = 0; i < b->n; i++) {
		args[n++] = SCRATCH_TEXT(b->piece[i].fence);
		args[n++] = SCRATCH_TEXT(b->piece[i].seq);
		args[n++] = SCRATCH_TEXT(words[b->piece[i].word]);
		args[n++] = (struct scratch_arg){b->text.bytes + b->piece[i].at, b->piece[i].len};
		args[n++] = SCRATCH_TEXT(b->piece[i].bytes);
	}
	return scratch_run(s, b->script,
		(struct scratch_args){.list = args, .n = n, .n_keys = b->n}, fn, owner);
}
