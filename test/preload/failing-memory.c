/* failing-memory.c - a process in which allocations fail, every n-th, from whatever library.
 *
 * What it is told is n; 0: none fails. Of a number below 0, -n, every n-th of all; above it, those
 * of librdkafka succeed: that library ends the process when one fails, which is another test than
 * that nothing else does. From a MiB on it is a size: what the program itself asks for, and no
 * library, fails when it is as large.
 *
 * The C library's own doors are behind (__libc_malloc): nothing here needs to be looked up, and
 * nothing is allocated while it is. */
#include "preload/control.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

enum { SIZES = 1 << 20 };

static struct control *control;
static _Atomic int64_t asked;

/* Where something was loaded to. */
static struct span {
	uintptr_t begin, end;
} spared, program;

static struct span span_of(const struct dl_phdr_info *object)
{
	struct span span = {object->dlpi_addr, 0};

	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		const uintptr_t end = object->dlpi_addr + part->p_vaddr + part->p_memsz;

		if (part->p_type == PT_LOAD && end > span.end)
			span.end = end;
	}
	return span;
}

static bool is_within(const struct span *span, const void *caller)
{
	return (uintptr_t)caller >= span->begin && (uintptr_t)caller < span->end;
}

/* The program is the first, and has no name. */
static int object_found(struct dl_phdr_info *object, size_t size, void *owner)
{
	(void)size, (void)owner;
	if (!program.end)
		program = span_of(object);
	else if (strstr(object->dlpi_name, "librdkafka"))
		spared = span_of(object);
	return 0;
}

__attribute__((constructor)) static void begin(int argc, char **argv)
{
	(void)dl_iterate_phdr(object_found, NULL);
	control = control_of(argc, argv, "failing-memory");
}

static bool is_chosen(int64_t n, size_t size, const void *caller)
{
	if (n >= SIZES)
		return size >= (size_t)n && is_within(&program, caller);
	if (n == 0 || (n > 0 && is_within(&spared, caller)))
		return false;
	return atomic_fetch_add(&asked, 1) % (n > 0 ? n : -n) == 0;
}

static bool is_refused(size_t size, const void *caller)
{
	if (!is_chosen(control ? atomic_load(&control->command) : 0, size, caller))
		return false;
	atomic_fetch_add(&control->spoilt, 1);
	errno = ENOMEM;
	return true;
}

/* Functions of the C library, in our words. NOLINTBEGIN(readability-inconsistent-*) */

void *malloc(size_t n)
{
	return is_refused(n, __builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return is_refused(n * size, __builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
	return is_refused(n, __builtin_return_address(0)) ? NULL : __libc_realloc(old, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return is_refused(n, __builtin_return_address(0)) ? NULL : __libc_memalign(alignment, n);
}

static char *copy(const char *text, size_t len, const void *caller)
{
	char *block = is_refused(len + 1, caller) ? NULL : __libc_malloc(len + 1);

	if (!block)
		return NULL;
	memcpy(block, text, len);
	block[len] = '\0';
	return block;
}

/* Who asks the C library for a copy is meant, not the C library that asks itself. */
char *strdup(const char *text)
{
	return copy(text, strlen(text), __builtin_return_address(0));
}

char *strndup(const char *text, size_t most)
{
	return copy(text, strnlen(text, most), __builtin_return_address(0));
}

int posix_memalign(void **ret_block, size_t alignment, size_t n)
{
	void *block =
		is_refused(n, __builtin_return_address(0)) ? NULL : __libc_memalign(alignment, n);

	if (!block)
		return ENOMEM;
	*ret_block = block;
	return 0;
}

/* NOLINTEND(readability-inconsistent-*) */
