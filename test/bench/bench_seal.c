/* bench_seal - what sealing and opening a text of 4 KB costs, its data key's opening included; and
 * sealing one for a subject that nobody has seen before, whose data key is made and wrapped first.
 *
 *   bench_seal
 *
 * Threads: one.  Memory: one text. */
#include "domain/sealed.h"
#include "ground/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 4096, ROUNDS = 50000 };

static const struct sealed_where where = {SEALED_INPUT, {{1}}, 0};

struct bench {
	struct keyring *ring;
	struct id tenant;
	struct sealed_key key;
	char text[TEXT];
	struct buf sealed;
};

static void check(enum err e)
{
	if (e == ERR_OK)
		return;
	fprintf(stderr, "%s\n", err_text(e));
	exit(1);
}

static void seal(struct bench *b)
{
	struct sealed_box box;

	buf_reset(&b->sealed);
	sealed_box_open(&box, b->ring, b->tenant, &b->key);
	check(sealed_close(&box, where, b->text, TEXT, &b->sealed));
	sealed_box_close(&box);
}

static void seal_for_new(struct bench *b)
{
	check(sealed_key_make(b->ring, b->tenant, (struct id){{4}}, &b->key));
	seal(b);
}

static void open(struct bench *b)
{
	struct sealed_view view;
	struct sealed_box box;

	sealed_box_open(&box, b->ring, b->tenant, &b->key);
	check(sealed_open(&box, where, b->sealed.bytes, b->sealed.len, &view));
	sealed_view_clear(&view);
	sealed_box_close(&box);
}

static double us_of(void (*run)(struct bench *b), struct bench *b)
{
	const int64_t began_us = clock_us();

	for (int i = 0; i < ROUNDS; i++)
		run(b);
	return (double)(clock_us() - began_us) / ROUNDS;
}

int main(void)
{
	struct bench b = {.tenant = {{2}}};
	uint8_t master[AEAD_KEY] = {3};
	double seal_us, new_us;

	check(keyring_new(&b.ring));
	check(keyring_add(b.ring, 1, master));
	keyring_activate(b.ring, 1);
	check(sealed_key_make(b.ring, b.tenant, (struct id){{4}}, &b.key));
	memset(b.text, 'x', TEXT);
	buf_init(&b.sealed, TEXT + SEALED_OVERHEAD);
	seal_us = us_of(seal, &b);
	new_us = us_of(seal_for_new, &b);
	printf("{\"seal_us\":%.2f,\"new_subject_us\":%.2f,\"open_us\":%.2f}\n", seal_us, new_us,
		us_of(open, &b));
	buf_clear(&b.sealed);
	keyring_free(b.ring);
	return 0;
}
