/* redis_server.h - a real Redis of a test's own, on a port that was free a moment ago.
 *
 * Threads: one.  Memory: the folder is the test's to remove. */
#ifndef TEST_REDIS_SERVER_H
#define TEST_REDIS_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REDIS_FOLDER = 128 };

struct redis_server {
	char folder[REDIS_FOLDER];
	int port;
	pid_t pid; /* 0: it does not run */
};

/* A port that was free a moment ago. */
static inline int redis_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	(void)close(fd);
	return ntohs(at.sin_port);
}

static inline void redis_start(struct redis_server *s)
{
	char port[16];

	(void)snprintf(port, sizeof(port), "%d", s->port);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that failed stops nothing */
		(void)execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1",
			"--save", "", "--dir", s->folder, "--logfile", "/dev/null", (char *)NULL);
		_exit(127);
	}
}

static inline void redis_stop(struct redis_server *s)
{
	if (s->pid > 0) {
		(void)kill(s->pid, SIGKILL);
		(void)waitpid(s->pid, NULL, 0);
	}
	s->pid = 0;
}

#endif
