#include "proxy/line.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void end_close(struct line_end *end, bool reset)
{
	const struct linger hard = {.l_onoff = 1, .l_linger = 0};

	loop_io_free(end->io);
	end->io = NULL;
	if (end->fd < 0)
		return;
	if (reset)
		setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(end->fd);
	end->fd = -1;
}

void line_free(struct line *line, bool reset)
{
	if (!line)
		return;
	ring_leave(&line->link);
	for (int way = 0; way < WAYS; way++) {
		end_close(&line->ends[way], reset);
		flow_clear(&line->flows[way]);
	}
	free(line);
}

/* What an end shall be woken for: its own bytes, when they may be taken; room for the other's. */
static void end_want(struct line *line, enum way way)
{
	struct line_end *end = &line->ends[way];
	const enum way other = way == TO_SERVER ? TO_CLIENT : TO_SERVER;
	const struct fault *f = line->fault;
	int want = 0;

	if (!end->io)
		return;
	if (line->orphaned)
		want = f->orphans ? 0 : LOOP_READ;
	else if (!line->greeted)
		want = way == TO_CLIENT ? LOOP_WRITE : 0;
	else if (!f->still[way] && flow_wants_more(&line->flows[way]))
		want = LOOP_READ;
	if (line->greeted && !line->orphaned && !f->still[other] &&
		flow_is_due(&line->flows[other], f, loop_now_ms(line->loop)))
		want |= LOOP_WRITE;
	loop_io_want(end->io, want);
}

static bool cut_now(const struct line *line)
{
	return line->fault->cut_after &&
	       line->passed - line->passed_at_fault >= line->fault->cut_after;
}

/* Writes what may leave, both ways. */
static enum flow_state flows_write(struct line *line)
{
	enum flow_state all = FLOW_OVER;

	for (int way = 0; way < WAYS; way++) {
		enum flow_state s = FLOW_GOES;

		if (!line->fault->still[way])
			s = flow_write(&line->flows[way], line->ends[!way].fd, line->fault,
				loop_now_ms(line->loop), &line->passed);
		if (s == FLOW_BROKEN)
			return s;
		if (s == FLOW_GOES)
			all = FLOW_GOES;
	}
	return cut_now(line) ? FLOW_BROKEN : all;
}

static void line_settle(struct line *line)
{
	enum flow_state s = line->greeted && !line->orphaned ? flows_write(line) : FLOW_GOES;

	if (s != FLOW_GOES) {
		line_free(line, s == FLOW_BROKEN);
		return;
	}
	end_want(line, TO_SERVER);
	end_want(line, TO_CLIENT);
}

/* The connection to the server: made, or failed. */
static bool greet_ended(struct line *line)
{
	int fault = 0;
	socklen_t len = sizeof(fault);

	getsockopt(line->ends[TO_CLIENT].fd, SOL_SOCKET, SO_ERROR, &fault, &len);
	line->greeted = fault == 0;
	return line->greeted;
}

static void on_end(void *owner, int events)
{
	struct line_end *end = owner;
	struct line *line = end->line;
	const enum way way = end == &line->ends[TO_SERVER] ? TO_SERVER : TO_CLIENT;
	bool broken = line->orphaned; /* it writes to somebody who is gone */

	if (!broken && !line->greeted)
		broken = way != TO_CLIENT || !greet_ended(line);
	else if (!broken && (events & LOOP_READ) && !line->fault->still[way] &&
		 flow_wants_more(&line->flows[way]))
		broken = flow_read(&line->flows[way], end->fd, line->fault,
				 loop_now_ms(line->loop)) == FLOW_BROKEN;
	if (broken)
		line_free(line, true);
	else
		line_settle(line);
}

/* Calls the server, once the fault lets anybody be greeted. */
static enum err line_greet(struct line *line)
{
	struct line_end *far = &line->ends[TO_CLIENT];
	const struct sockaddr *to = (const struct sockaddr *)&line->server;

	far->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (far->fd < 0 ||
		(connect(far->fd, to, sizeof(line->server)) != 0 && errno != EINPROGRESS))
		return ERR_SYSTEM;
	return loop_io_new(line->loop, far->fd, on_end, far, &far->io);
}

/* A fault counts from now on: what was saved up before it is nobody's. */
static void flows_begin(struct line *line)
{
	for (int way = 0; way < WAYS; way++) {
		line->flows[way].allowance = 0;
		line->flows[way].counted_ms = loop_now_ms(line->loop);
	}
}

enum err line_new(struct loop *loop, int client_take, const struct sockaddr_in *server,
	const struct fault *fault, struct ring *lines)
{
	struct line *line = calloc(1, sizeof(*line));

	if (!line) {
		close(client_take);
		return ERR_NOMEM;
	}
	line->loop = loop;
	line->fault = fault;
	line->server = *server;
	line->ends[TO_SERVER] = (struct line_end){line, NULL, client_take};
	line->ends[TO_CLIENT] = (struct line_end){line, NULL, -1};
	ring_join(lines, &line->link);
	flows_begin(line);
	enum err e = loop_io_new(
		loop, client_take, on_end, &line->ends[TO_SERVER], &line->ends[TO_SERVER].io);
	if (e != ERR_OK || fault->resets)
		line_free(line, true);
	else
		line_turn(line);
	return e;
}

void line_fault(struct line *line)
{
	line->passed_at_fault = line->passed;
	flows_begin(line);
	if (line->fault->resets) {
		line_free(line, true);
		return;
	}
	if (line->fault->orphans && line->greeted) {
		line->orphaned = true;
		end_close(&line->ends[TO_CLIENT], true);
	}
	line_turn(line);
}

void line_turn(struct line *line)
{
	bool uncalled = !line->greeted && line->ends[TO_CLIENT].fd < 0 && !line->orphaned;

	if (uncalled && !fault_holds_new(line->fault) && line_greet(line) != ERR_OK)
		line_free(line, true);
	else
		line_settle(line);
}
