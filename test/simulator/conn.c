#include "simulator/server.h"

#include "simulator/answer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_ONCE = 64 << 10, OUT_MAX = 512 << 20 };

void conn_new(struct server *s, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct epoll_event want = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
	int on = 1;

	want.data.ptr = c;
	if (!c || epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &want) < 0) {
		free(c);
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->fd = fd;
	buf_init(&c->in, REQUEST_HEAD_MAX + REQUEST_BODY_MAX);
	buf_init(&c->out, OUT_MAX);
	c->next = s->conns;
	if (s->conns)
		s->conns->prev = c;
	s->conns = c;
}

/* Events of this turn may still name the connection: its memory goes after the turn. */
void conn_free(struct server *s, struct conn *c)
{
	if (c->fd < 0)
		return;
	answer_free(s, c->answer, c->gone);
	close(c->fd);
	buf_clear(&c->in);
	buf_clear(&c->out);
	c->fd = -1;
	c->answer = NULL;
	*(c->prev ? &c->prev->next : &s->conns) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->next = s->dead;
	s->dead = c;
}

bool conn_pending(const struct conn *c)
{
	return c->sent < c->out.len;
}

static size_t push(struct conn *c, const char *bytes, size_t len)
{
	size_t done = 0;

	while (done < len && !c->gone) {
		ssize_t n = send(c->fd, bytes + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			c->gone = true;
	}
	return done;
}

void conn_send(struct conn *c, const void *bytes, size_t len)
{
	size_t done = conn_pending(c) ? 0 : push(c, bytes, len);

	if (done < len && !c->gone)
		c->gone = buf_append(&c->out, (const char *)bytes + done, len - done) != ERR_OK;
}

static void flush(struct conn *c)
{
	if (!conn_pending(c))
		return;
	c->sent += push(c, c->out.bytes + c->sent, c->out.len - c->sent);
	if (!conn_pending(c)) {
		buf_clear(&c->out);
		buf_init(&c->out, OUT_MAX);
		c->sent = 0;
	}
}

static const char *reason_of(int status)
{
	return status < 300 ? "OK" : status < 500 ? "Refused" : "Failed";
}

void conn_reply(
	struct server *s, struct conn *c, int status, const char *extra, const struct buf *body)
{
	char head[512];
	int n = snprintf(head, sizeof(head),
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nx-request-id: sim-%llu\r\n"
		"%s%sContent-Length: %zu\r\n\r\n",
		status, reason_of(status), (unsigned long long)s->served, extra ? extra : "",
		c->closing ? "Connection: close\r\n" : "", body->len);
	struct buf whole;

	buf_init(&whole, sizeof(head) + body->len + 1);
	buf_append(&whole, head, (size_t)n);
	if (buf_append(&whole, body->bytes, body->len) == ERR_OK)
		conn_send(c, whole.bytes, whole.len);
	else
		c->gone = true;
	buf_clear(&whole);
}

static void refuse_bad(struct server *s, struct conn *c)
{
	struct buf body;

	buf_init(&body, 1024);
	dialect_refuse(400, NULL, "not an HTTP/1.1 request this simulator reads", &body);
	c->closing = true;
	conn_reply(s, c, 400, NULL, &body);
	buf_clear(&body);
}

/* Serves what is complete in bytes; returns how much was used. An answer in progress stops it. */
static size_t serve(struct server *s, struct conn *c, const char *bytes, size_t len)
{
	size_t used = 0;

	while (used < len && !c->answer && !c->closing && !c->gone) {
		struct request r;
		enum request_state state = request_read(bytes + used, len - used, &r);
		if (state == REQUEST_BAD)
			refuse_bad(s, c);
		if (state == REQUEST_MORE && r.expects && !c->continued) {
			conn_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
			c->continued = true;
		}
		if (state != REQUEST_READY)
			break;
		used += r.total;
		c->continued = false;
		c->closing = r.close;
		s->served++;
		route_serve(s, c, &r);
	}
	return used;
}

/* Whatever is not yet a whole request is kept; a whole one never touches the connection's buffer.
 */
static void take(struct server *s, struct conn *c, const char *bytes, size_t len)
{
	if (c->in.len == 0) {
		size_t used = serve(s, c, bytes, len);
		if (used < len && buf_append(&c->in, bytes + used, len - used) != ERR_OK)
			c->gone = true;
		return;
	}
	if (buf_append(&c->in, bytes, len) != ERR_OK) {
		c->gone = true;
		return;
	}
	buf_skip(&c->in, serve(s, c, c->in.bytes, c->in.len));
	if (c->in.len > 0)
		return;
	buf_clear(&c->in);
	buf_init(&c->in, REQUEST_HEAD_MAX + REQUEST_BODY_MAX);
}

static void receive(struct server *s, struct conn *c)
{
	static char bytes[READ_ONCE]; /* one thread reads, and nothing of it stays here */

	while (c->unread && !c->answer && !c->closing && !c->gone) {
		ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0) {
			c->unread = n == READ_ONCE;
			take(s, c, bytes, (size_t)n);
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else {
			c->unread = false;
			c->gone = n == 0 || errno != EAGAIN;
		}
	}
}

static bool finished(const struct conn *c)
{
	return c->gone || (c->closing && !c->answer && !conn_pending(c));
}

/* What came behind the request that was being answered. */
static void resume(struct server *s, struct conn *c)
{
	if (c->in.len > 0 && !c->answer)
		take(s, c, "", 0);
	receive(s, c);
}

void conn_event(struct server *s, struct conn *c, unsigned events)
{
	if (c->fd < 0)
		return;
	if (events & (EPOLLHUP | EPOLLERR))
		c->gone = true;
	if (events & EPOLLRDHUP && (c->answer || conn_pending(c)))
		c->gone = true;
	if (events & EPOLLIN)
		c->unread = true;
	if (events & EPOLLOUT && conn_pending(c)) {
		flush(c);
		if (!conn_pending(c) && c->answer)
			answer_step(s, c->answer);
	}
	resume(s, c);
	if (finished(c))
		conn_free(s, c);
}
