/* What the check of a role costs, and where its bounds are. */
#include "domain/role_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

static void add(struct role_book *book, const char *role, const char *parent, const char *rule)
{
	const char *why;

	assert_int_equal(role_book_add(book, role), ERR_OK);
	if (parent)
		assert_int_equal(role_book_parent_add(book, role, parent), ERR_OK);
	if (rule)
		assert_int_equal(role_book_rule_add(book, role, rule, &why), ERR_OK);
}

static struct role_book *book_new(void)
{
	struct role_book *book;

	assert_int_equal(role_book_new(&book), ERR_OK);
	return book;
}

/* Rules that differ in their last bytes alone; none contradicts another. */
static void leaf_fill(struct role_book *book, const char *name, unsigned leaf, unsigned rules)
{
	char text[RULE_TEXT_MAX];

	for (unsigned i = 0; i < rules; i++) {
		(void)snprintf(text, sizeof text, "%s job:read queue=%0200d-%u-%u",
			i % 2 ? "allow" : "deny", 0, leaf, i);
		add(book, name, NULL, text);
	}
}

/* Leaves of 64 rules, as many as one may hold together and a tenant may have; all other roles build
 * upon eight of them, or all sixteen by way of two others. */
static struct role_book *worst_book(void)
{
	enum { LEAVES = ROLE_BOOK_RULES_MAX / ROLE_RULES_MAX, MIDDLES = LEAVES / 8 };
	struct role_book *book = book_new();
	char name[16], parent[16];

	for (unsigned i = 0; i < LEAVES; i++) {
		(void)snprintf(name, sizeof name, "leaf%u", i);
		leaf_fill(book, name, i, ROLE_RULES_MAX);
	}
	for (unsigned i = 0; i < ROLES_MAX - LEAVES; i++) {
		(void)snprintf(name, sizeof name, "top%u", i);
		for (unsigned k = 0; k < (i < MIDDLES ? 8 : 2); k++) {
			(void)snprintf(parent, sizeof parent, i < MIDDLES ? "leaf%u" : "top%u",
				i < MIDDLES ? i * 8 + k : (i * (k + 1) + k) % MIDDLES);
			add(book, name, parent, NULL);
		}
	}
	assert_int_equal(role_book_n(book), ROLES_MAX);
	assert_int_equal(role_book_rules_n(book), ROLE_BOOK_RULES_MAX);
	return book;
}

/* promises: S1.11 */
static void the_worst_graph_compares_each_two_rules_once(void **state)
{
	enum { HALF = ROLE_BOOK_RULES_MAX / 2 };
	struct role_book *book = worst_book();
	char why[ROLE_PATH_MAX] = "";
	uint64_t first;

	assert_int_equal(role_book_check(book, NULL, why), ERR_OK);
	assert_string_equal(why, "");
	first = book->compared;
	assert_in_range(first, HALF, (uint64_t)HALF * HALF);
	for (unsigned i = 0; i < ROLES_MAX; i++) {
		const char *held[] = {"leaf0", role_book_at(book, i).name};

		assert_int_not_equal(role_book_check_set(book, NULL, held, 2, why), ERR_NOT_FOUND);
	}
	assert_in_range(book->compared, first, (uint64_t)HALF * HALF);
	first = book->compared;
	assert_int_equal(role_book_check(book, NULL, why), ERR_OK);
	assert_int_equal(book->compared, first);
	role_book_free(book);
}

/* promises: S1.11 */
static void what_does_not_reach_a_change_is_not_asked_about(void **state)
{
	struct role_book *book = worst_book();
	const char *held[] = {"leaf1", "leaf2"};
	char why[ROLE_PATH_MAX] = "";
	const uint64_t own = 2; /* the allow with the deny, from either side */

	role_book_empty(book, "top400");
	add(book, "top400", NULL, "allow job:read");
	add(book, "top400", NULL, "deny job:read queue=bulk");
	assert_int_equal(role_book_check(book, "top400", why), ERR_OK);
	assert_int_equal(book->compared, own);
	assert_int_equal(role_book_check_set(book, "top400", held, 2, why), ERR_OK);
	assert_int_equal(book->compared, own);
	role_book_free(book);
}

/* promises: S1.11 */
static void a_contradiction_is_found_in_all_that_reaches_a_change(void **state)
{
	struct role_book *book = book_new();
	char why[ROLE_PATH_MAX];

	add(book, "a", NULL, "allow job:read");
	add(book, "b", NULL, "allow job:submit");
	add(book, "top", "a", NULL);
	add(book, "top", "b", NULL);
	assert_int_equal(role_book_check(book, NULL, why), ERR_OK);
	add(book, "b", NULL, "deny job:read");
	assert_int_equal(role_book_check(book, "a", why), ERR_CONFLICT);
	assert_int_equal(role_book_check(book, "b", why), ERR_CONFLICT);
	assert_string_equal(
		why, "top > a: \"allow job:read\" contradicts top > b: \"deny job:read\"");
	role_book_empty(book, "b");
	assert_int_equal(role_book_check(book, "b", why), ERR_OK);
	role_book_free(book);
}

/* promises: S1.11 */
static void a_graph_beyond_its_bounds_is_told_with_the_path(void **state)
{
	struct role_book *book = worst_book();
	const char *held[] = {"top0", "top1", "leaf63"};
	char why[ROLE_PATH_MAX] = "";

	assert_int_equal(role_book_check_set(book, NULL, held, 2, why), ERR_OK);
	assert_int_equal(role_book_check_set(book, NULL, held, 3, why), ERR_CONFLICT);
	assert_string_equal(why,
		"more than 1024 rules are held together, the inherited ones among them: as far as top1 > leaf15");
	assert_int_equal(role_book_check_set(book, "leaf20", held, 3, why), ERR_OK);
	role_book_free(book);
	book = book_new();
	for (char name[] = "a", above[] = "a"; name[0] < 'a' + ROLE_LEVELS_MAX; name[0]++) {
		add(book, name, name[0] == 'a' ? NULL : above, NULL);
		above[0] = name[0];
	}
	assert_int_equal(role_book_check(book, NULL, why), ERR_OK);
	add(book, "top", "p", NULL);
	assert_int_equal(role_book_check(book, NULL, why), ERR_CONFLICT);
	assert_string_equal(why,
		"more than 16 levels: top > p > o > n > m > l > k > j > i > h > g > f > e > d > c > b > a");
	role_book_free(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_graph_compares_each_two_rules_once),
		cmocka_unit_test(what_does_not_reach_a_change_is_not_asked_about),
		cmocka_unit_test(a_contradiction_is_found_in_all_that_reaches_a_change),
		cmocka_unit_test(a_graph_beyond_its_bounds_is_told_with_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
