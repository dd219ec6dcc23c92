#include "proxy/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MS_PER_S = 1000 };

struct flow_piece {
	struct flow_piece *next;
	int64_t due_ms;
	size_t len, sent;
	char bytes[];
};

static void piece_drop(struct flow *f)
{
	struct flow_piece *p = f->first;

	f->first = p->next;
	if (!f->first)
		f->last = NULL;
	free(p);
}

void flow_clear(struct flow *f)
{
	while (f->first)
		piece_drop(f);
	f->held = 0;
}

bool flow_wants_more(const struct flow *f)
{
	return !f->ended && f->held < FLOW_BYTES_MAX;
}

static void piece_join(struct flow *f, struct flow_piece *p)
{
	if (f->last)
		f->last->next = p;
	else
		f->first = p;
	f->last = p;
	f->held += p->len;
}

enum flow_state flow_read(struct flow *f, int fd, const struct fault *fault, int64_t now_ms)
{
	struct flow_piece *p = malloc(sizeof(*p) + FLOW_READ);
	ssize_t n;

	if (!p)
		return FLOW_BROKEN;
	n = recv(fd, p->bytes, FLOW_READ, 0);
	if (n > 0) {
		p->next = NULL;
		p->due_ms = now_ms + fault->delay_ms;
		p->len = (size_t)n;
		p->sent = 0;
		piece_join(f, p);
		return FLOW_GOES;
	}
	free(p);
	f->ended = n == 0;
	return n == 0 || errno == EAGAIN || errno == EINTR ? FLOW_GOES : FLOW_BROKEN;
}

/* How much of n bytes may leave now; a slow line saves up for a second at most. */
static size_t allowed(struct flow *f, const struct fault *fault, int64_t now_ms, size_t n)
{
	if (!fault->slow_per_s)
		return n;
	f->allowance += (now_ms - f->counted_ms) * fault->slow_per_s / MS_PER_S;
	if (f->allowance > fault->slow_per_s)
		f->allowance = fault->slow_per_s;
	f->counted_ms = now_ms;
	return f->allowance < (int64_t)n ? (size_t)f->allowance : n;
}

bool flow_is_due(const struct flow *f, const struct fault *fault, int64_t now_ms)
{
	bool empty_end = !f->first && f->ended && !f->told;

	return empty_end || (f->first && f->first->due_ms <= now_ms && !fault->slow_per_s);
}

static enum flow_state end_tell(struct flow *f, int fd)
{
	if (f->first || !f->ended)
		return FLOW_GOES;
	if (!f->told)
		shutdown(fd, SHUT_WR);
	f->told = true;
	return FLOW_OVER;
}

enum flow_state flow_write(
	struct flow *f, int fd, const struct fault *fault, int64_t now_ms, int64_t *passed)
{
	while (f->first && f->first->due_ms <= now_ms) {
		struct flow_piece *p = f->first;
		size_t may = allowed(f, fault, now_ms, p->len - p->sent);
		ssize_t n = may ? send(fd, p->bytes + p->sent, may, MSG_NOSIGNAL) : 0;

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return FLOW_BROKEN;
		if (n <= 0)
			return FLOW_GOES;
		p->sent += (size_t)n;
		f->held -= (size_t)n;
		f->allowance -= fault->slow_per_s ? n : 0;
		*passed += n;
		if (p->sent == p->len)
			piece_drop(f);
	}
	return end_tell(f, fd);
}
