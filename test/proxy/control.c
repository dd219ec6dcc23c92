#include "proxy/control.h"

#include "proxy/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DOORS_MAX = 32, LINE_BYTES = 256, REPLY_BYTES = 64 };

struct control {
	struct loop *loop;
	struct loop_io *listener, *speaker;
	int listener_fd, speaker_fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char line[LINE_BYTES];
	size_t line_len;
	struct door *doors[DOORS_MAX];
	size_t doors_n;
};

static struct door *door_find(const struct control *c, const char *name)
{
	for (size_t i = 0; i < c->doors_n; i++)
		if (strcmp(c->doors[i]->name, name) == 0)
			return c->doors[i];
	return NULL;
}

/* ---- the commands: each fills its reply ---- */

static void run_door(struct control *c, const char *rest, char *reply)
{
	char name[DOOR_NAME_MAX + 1], host[64];
	unsigned port;
	enum err e = ERR_INVALID_FIELD;

	if (sscanf(rest, "%31s %63s %u", name, host, &port) == 3 && !door_find(c, name) &&
		c->doors_n < DOORS_MAX)
		e = door_new(c->loop, name, host, port, &c->doors[c->doors_n]);
	if (e == ERR_OK)
		snprintf(reply, REPLY_BYTES, "ok %u", door_port(c->doors[c->doors_n++]));
	else
		snprintf(reply, REPLY_BYTES, "error no such door can be made");
}

static void run_fault(struct control *c, const char *rest, char *reply)
{
	char name[DOOR_NAME_MAX + 1];
	struct fault fault;
	int at = 0;
	struct door *door =
		sscanf(rest, "%31s %n", name, &at) == 1 && at > 0 ? door_find(c, name) : NULL;

	if (!door)
		snprintf(reply, REPLY_BYTES, "error there is no such door");
	else if (fault_parse(rest + at, &fault) != ERR_OK)
		snprintf(reply, REPLY_BYTES, "error there is no such fault");
	else if (door_fault(door, &fault) != ERR_OK)
		snprintf(reply, REPLY_BYTES, "error it cannot listen again");
	else
		snprintf(reply, REPLY_BYTES, "ok");
}

static void run_lines(struct control *c, const char *rest, char *reply)
{
	char name[DOOR_NAME_MAX + 1];
	struct door *door = sscanf(rest, "%31s", name) == 1 ? door_find(c, name) : NULL;

	if (door)
		snprintf(reply, REPLY_BYTES, "ok %zu %llu", door_lines(door),
			(unsigned long long)door->opened);
	else
		snprintf(reply, REPLY_BYTES, "error there is no such door");
}

static const struct command {
	const char *name;
	void (*run)(struct control *c, const char *rest, char *reply);
} commands[] = {
	{"door ", run_door},
	{"fault ", run_fault},
	{"lines ", run_lines},
};

static void line_run(struct control *c, const char *line)
{
	char reply[REPLY_BYTES + 1] = "error there is no such command";

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];

		if (strncmp(line, command->name, strlen(command->name)) == 0)
			command->run(c, line + strlen(command->name), reply);
	}
	strcat(reply, "\n");
	if (send(c->speaker_fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
		loop_stop(c->loop);
}

/* ---- the speaker ---- */

static void lines_run(struct control *c)
{
	for (char *end; (end = memchr(c->line, '\n', c->line_len));) {
		size_t used = (size_t)(end - c->line) + 1;

		*end = '\0';
		line_run(c, c->line);
		memmove(c->line, c->line + used, c->line_len - used);
		c->line_len -= used;
	}
}

static void on_words(void *owner, int events)
{
	struct control *c = owner;
	ssize_t n = recv(c->speaker_fd, c->line + c->line_len, sizeof(c->line) - c->line_len, 0);

	if (n <= 0) { /* it left, or it never ends its line */
		loop_stop(c->loop);
		return;
	}
	c->line_len += (size_t)n;
	lines_run(c);
}

static void on_speaker(void *owner, int events)
{
	struct control *c = owner;
	int fd = accept4(c->listener_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (c->speaker || loop_io_new(c->loop, fd, on_words, c, &c->speaker) != ERR_OK) {
		close(fd);
		return;
	}
	c->speaker_fd = fd;
	loop_io_want(c->speaker, LOOP_READ);
}

static enum err control_listen(struct control *c)
{
	struct sockaddr_un here = {.sun_family = AF_UNIX};

	memcpy(here.sun_path, c->path, sizeof(here.sun_path));
	c->listener_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->listener_fd < 0 || bind(c->listener_fd, (struct sockaddr *)&here, sizeof(here)) ||
		listen(c->listener_fd, 1))
		return ERR_SYSTEM;
	enum err e = loop_io_new(c->loop, c->listener_fd, on_speaker, c, &c->listener);
	if (e == ERR_OK)
		loop_io_want(c->listener, LOOP_READ);
	return e;
}

enum err control_new(struct loop *loop, const char *path, struct control **ret_control)
{
	struct control *c = calloc(1, sizeof(*c));
	enum err e = ERR_INVALID_FIELD;

	if (!c)
		return ERR_NOMEM;
	c->loop = loop;
	c->listener_fd = c->speaker_fd = -1;
	if (strlen(path) < sizeof(c->path)) {
		memcpy(c->path, path, strlen(path));
		e = control_listen(c);
	}
	if (e == ERR_OK)
		*ret_control = c;
	else
		control_free(c);
	return e;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->doors_n; i++)
		door_free(c->doors[i]);
	loop_io_free(c->speaker);
	loop_io_free(c->listener);
	if (c->speaker_fd >= 0)
		close(c->speaker_fd);
	if (c->listener_fd >= 0) {
		close(c->listener_fd);
		unlink(c->path);
	}
	free(c);
}
