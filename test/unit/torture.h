/* torture.h - each allocation of ours fails once; for one test program, which includes it behind
 * cmocka. The Makefile wraps the allocator for the folders of this name. */
#ifndef UNIT_TORTURE_H
#define UNIT_TORTURE_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);
void __wrap_free(void *p);
char *__wrap_strdup(const char *text);

static long countdown = -1; /* allocations that still succeed; negative = all do */
static long live;	    /* blocks that our code holds */
static bool failed;

static bool refuse(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	failed = true;
	countdown = -1;
	return true;
}

static void *counted(void *p)
{
	live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return refuse() ? NULL : counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t n)
{
	void *p;

	if (refuse())
		return NULL;
	p = __real_realloc(old, n);
	live += old == NULL && p != NULL;
	return p;
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

char *__wrap_strdup(const char *text)
{
	size_t n = strlen(text) + 1;
	char *copy = __wrap_malloc(n);

	return copy != NULL ? memcpy(copy, text, n) : NULL;
}

enum { ROUNDS_MAX = 5000 };

/* Runs scenario with its first, second, ... allocation failing, until one run needs no more. */
static void torture(enum err (*scenario)(void))
{
	long before = live;

	for (int round = 0; round < ROUNDS_MAX; round++) {
		enum err e;

		failed = false;
		countdown = round;
		e = scenario();
		countdown = -1;
		assert_int_equal(live, before);
		assert_int_equal(e, failed ? ERR_NOMEM : ERR_OK);
		if (!failed)
			return;
	}
	fail_msg("a scenario that never ends");
}

#endif
