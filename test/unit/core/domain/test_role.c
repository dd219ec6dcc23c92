/* Roles: what is refused when it is written, what follows when it is read. */
#include "domain/rights.h"

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

static bool allows(const struct role_book *book, const char *role, enum permission p,
	const struct rule_facts *facts)
{
	struct rights *rights;
	bool allowed;

	assert_int_equal(rights_flatten(book, &role, 1, &rights), ERR_OK);
	allowed = rights_allow(rights, p, facts, NULL);
	assert_true(!allowed || rights_may_allow(rights, p, facts));
	rights_release(rights);
	return allowed;
}

/* promises: S1.11 */
static void what_no_rule_allows_is_denied(void **state)
{
	struct role_book *book = book_new();

	add(book, "guest", NULL, "allow job:read owner=own");
	assert_false(allows(book, "guest", PERMISSION_JOB_SUBMIT, &RULE_FACTS_NONE));
	assert_false(allows(book, "guest", PERMISSION_JOB_READ, &RULE_FACTS_NONE));
	assert_false(allows(book, "nobody", PERMISSION_JOB_READ, &RULE_FACTS_NONE));
	assert_false(rights_allow(NULL, PERMISSION_JOB_READ, &RULE_FACTS_NONE, NULL));
	role_book_free(book);
}

/* promises: S1.11 */
static void a_role_inherits_and_a_deny_wins_from_any_level(void **state)
{
	struct role_book *book = book_new();

	add(book, "guest", NULL, "deny job:delete");
	add(book, "guest", NULL, "allow job:read");
	add(book, "analyst", "guest", "allow job:submit");
	add(book, "admin", "analyst", "allow *:*");
	assert_true(allows(book, "admin", PERMISSION_JOB_READ, &RULE_FACTS_NONE));
	assert_true(allows(book, "analyst", PERMISSION_JOB_READ, &RULE_FACTS_NONE));
	assert_false(allows(book, "guest", PERMISSION_JOB_SUBMIT, &RULE_FACTS_NONE));
	assert_false(allows(book, "admin", PERMISSION_JOB_DELETE, &RULE_FACTS_NONE));
	assert_false(allows(book, "admin", PERMISSION_OPERATOR_READ, &RULE_FACTS_NONE));
	role_book_free(book);
}

/* promises: S1.11 */
static void conditions_must_all_hold_and_the_unknown_denies(void **state)
{
	struct role_book *book = book_new();
	struct rule_facts f = {{"eu", "own", "bulk-1", "small-x"}, 5, 10};

	add(book, "a", NULL,
		"allow job:submit region=eu owner=own queue=q,bulk-* model=small-* priority>=3 cost<=0.05");
	assert_true(allows(book, "a", PERMISSION_JOB_SUBMIT, &f));
	for (int i = 0; i < RULE_WORDS; i++) {
		struct rule_facts other = f;

		other.words[i] = "else";
		assert_false(allows(book, "a", PERMISSION_JOB_SUBMIT, &other));
		other.words[i] = NULL;
		assert_false(allows(book, "a", PERMISSION_JOB_SUBMIT, &other));
	}
	f.priority = 2;
	assert_false(allows(book, "a", PERMISSION_JOB_SUBMIT, &f));
	f.priority = 3;
	f.cost_nano = 50000001;
	assert_false(allows(book, "a", PERMISSION_JOB_SUBMIT, &f));
	f.cost_nano = RULE_UNKNOWN;
	assert_false(allows(book, "a", PERMISSION_JOB_SUBMIT, &f));
	add(book, "b", NULL, "allow job:read");
	add(book, "b", NULL, "deny job:read region=us");
	assert_false(allows(book, "b", PERMISSION_JOB_READ, &RULE_FACTS_NONE));
	f.words[RULE_REGION] = "eu";
	assert_true(allows(book, "b", PERMISSION_JOB_READ, &f));
	role_book_free(book);
}

/* promises: S1.11 */
static void the_nearest_rule_lacks_fewest_and_says_what(void **state)
{
	struct role_book *book = book_new();
	const struct rule_facts f = {{NULL, NULL, "bulk", NULL}, 5, RULE_UNKNOWN};
	const char *role = "a";
	const struct right *nearest;
	struct rights *rights;
	const char *text;
	size_t len;

	add(book, "a", NULL, "allow job:submit queue=other model=x priority>=6");
	add(book, "a", NULL, "allow job:submit cost<=0.05 queue=bulk");
	add(book, "a", NULL, "deny job:submit queue=bulk priority>=9");
	assert_int_equal(rights_flatten(book, &role, 1, &rights), ERR_OK);
	nearest = rights_nearest(rights, PERMISSION_JOB_SUBMIT, &f);
	assert_non_null(nearest);
	assert_string_equal(nearest->rule.text, "allow job:submit cost<=0.05 queue=bulk");
	assert_int_equal(rule_ask(&nearest->rule, &f, RULE_QUEUE), RULE_HOLDS);
	assert_int_equal(rule_ask(&nearest->rule, &f, RULE_COST), RULE_NOT_KNOWN);
	assert_int_equal(rule_ask(&nearest->rule, &f, RULE_MODEL), RULE_HOLDS);
	text = rule_condition(&nearest->rule, RULE_COST, &len);
	assert_int_equal(len, strlen("cost<=0.05"));
	assert_memory_equal(text, "cost<=0.05", len);
	assert_null(rule_condition(&nearest->rule, RULE_MODEL, &len));
	assert_null(rights_nearest(rights, PERMISSION_JOB_READ, &f));
	assert_null(rights_nearest(NULL, PERMISSION_JOB_READ, &f));
	rights_release(rights);
	role_book_free(book);
}

/* promises: S1.11 */
static void a_cycle_is_told_with_its_path(void **state)
{
	struct role_book *book = book_new();
	char why[ROLE_PATH_MAX];

	add(book, "a", "b", NULL);
	add(book, "b", "c", NULL);
	add(book, "c", "b", NULL);
	assert_int_equal(role_book_check(book, NULL, why), ERR_CONFLICT);
	assert_string_equal(why, "b > c > b is a cycle");
	role_book_free(book);
	book = book_new();
	add(book, "a", "gone", NULL);
	assert_int_equal(role_book_check(book, NULL, why), ERR_CONFLICT);
	assert_string_equal(why, "there is no role gone");
	role_book_free(book);
}

/* promises: S1.11 */
static void a_contradiction_on_one_level_is_told_with_both_paths(void **state)
{
	struct role_book *book = book_new();
	const char *both[] = {"reader", "strict"};
	char why[ROLE_PATH_MAX];

	add(book, "reader", NULL, "allow job:*");
	add(book, "strict", NULL, "deny job:read");
	assert_int_equal(role_book_check(book, NULL, why), ERR_OK);
	assert_int_equal(role_book_check_set(book, NULL, both, 2, why), ERR_CONFLICT);
	add(book, "top", "reader", NULL);
	add(book, "top", "strict", NULL);
	assert_int_equal(role_book_check(book, NULL, why), ERR_CONFLICT);
	assert_string_equal(
		why, "top > reader: \"allow job:*\" contradicts top > strict: \"deny job:read\"");
	role_book_free(book);
}

/* promises: S1.11 */
static void an_exception_is_no_contradiction(void **state)
{
	struct role_book *book = book_new();
	char why[ROLE_PATH_MAX];

	add(book, "a", NULL, "allow job:submit");
	add(book, "a", NULL, "deny job:submit queue=bulk");
	add(book, "child", "a", "deny job:submit");
	assert_int_equal(role_book_check(book, NULL, why), ERR_OK);
	add(book, "b", NULL, "allow job:submit queue=bulk");
	add(book, "b", NULL, "deny job:submit queue=bulk");
	assert_int_equal(role_book_check(book, NULL, why), ERR_CONFLICT);
	role_book_free(book);
}

/* promises: S1.11 */
static void a_line_that_is_no_rule_is_told_why(void **state)
{
	static const char *const bad[] = {"", " ", "allow", "allow  job:read", "permit job:read",
		"allow job", "allow job:fly", "allow job:read owner=me",
		"allow job:read owner=", "allow job:submit queue=a,,b",
		"allow job:submit queue=a queue=b", "allow job:submit priority>=0",
		"allow job:submit priority>=10", "allow job:submit cost<=-1",
		"allow job:read colour=red", "allow job:read\n", "deny *:read", " allow job:read",
		"allow job:read "};
	struct rule rule;
	const char *why;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		why = NULL;
		assert_int_equal(rule_read(bad[i], &rule, &why), ERR_INVALID_FIELD);
		assert_non_null(why);
	}
}

/* promises: S1.11 */
static void nobody_gives_more_than_they_have(void **state)
{
	struct role_book *book = book_new();
	const char *names[] = {"all", "own", "few", "less"};
	struct rights *r[4];

	add(book, "all", NULL, "allow *:*");
	add(book, "own", NULL, "allow job:read owner=own");
	add(book, "few", NULL, "allow job:read");
	add(book, "less", NULL, "allow job:read");
	add(book, "less", NULL, "deny job:read queue=secret");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(rights_flatten(book, &names[i], 1, &r[i]), ERR_OK);
	assert_true(rights_cover(r[0], r[1]) && rights_cover(r[0], r[2]));
	assert_true(rights_cover(r[2], r[1]) && !rights_cover(r[1], r[2]));
	assert_true(rights_cover(r[2], r[3]) && !rights_cover(r[3], r[2]));
	assert_false(rights_cover(r[2], r[0]));
	for (size_t i = 0; i < 4; i++)
		rights_release(r[i]);
	role_book_free(book);
}

/* promises: S1.11 */
static void a_rule_within_an_inherited_one_is_idle(void **state)
{
	struct role_book *book = book_new();
	const char *name = "night";
	struct rights *rights;
	size_t idle = 0;

	add(book, "base", NULL, "allow job:submit priority>=3");
	add(book, "night", "base", "allow job:submit queue=bulk-* priority>=5");
	add(book, "night", NULL, "allow job:submit priority>=2");
	add(book, "night", NULL, "allow job:read");
	assert_int_equal(rights_flatten(book, &name, 1, &rights), ERR_OK);
	for (size_t i = 0; i < rights->n; i++) {
		const struct right *wider = rights_wider(rights, i);

		if (!wider || strcmp(rights->list[i].path, name) != 0)
			continue;
		assert_string_equal(
			rights->list[i].rule.text, "allow job:submit queue=bulk-* priority>=5");
		assert_string_equal(wider->path, "night > base");
		idle++;
	}
	assert_int_equal(idle, 1);
	rights_release(rights);
	role_book_free(book);
}

/* ---- any graph at all ---- */

enum { NODES = 12, GRAPHS = 2000 };

struct graph {
	uint64_t chance;
	bool edge[NODES][NODES];
	/* what each role says of reading: 0 nothing, 1 allow, 2 deny; for own objects, and for all
	 */
	int own[NODES], all[NODES];
};

static unsigned draw(struct graph *g, unsigned below)
{
	g->chance = g->chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(g->chance >> 33) % below;
}

static void graph_draw(struct graph *g, uint64_t seed)
{
	memset(g, 0, sizeof *g);
	g->chance = seed;
	for (unsigned i = 0; i < NODES; i++) {
		g->own[i] = (int)draw(g, 3);
		g->all[i] = draw(g, 4) == 0 ? 1 + (int)draw(g, 2) : 0;
		for (unsigned k = i + 1; k < NODES && k < i + 6; k++)
			g->edge[i][k] = draw(g, 4) == 0;
	}
}

static const char *name_of(unsigned i)
{
	static const char names[NODES][4] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

	return names[i];
}

static struct role_book *book_of(const struct graph *g)
{
	static const char *const own[] = {
		NULL, "allow job:read owner=own", "deny job:read owner=own"};
	static const char *const all[] = {NULL, "allow job:read", "deny job:read"};
	struct role_book *book = book_new();

	for (unsigned i = 0; i < NODES; i++) {
		add(book, name_of(i), NULL, own[g->own[i]]);
		add(book, name_of(i), NULL, all[g->all[i]]);
		for (unsigned k = 0; k < NODES; k++)
			if (g->edge[i][k])
				add(book, name_of(i), name_of(k), NULL);
	}
	return book;
}

/* The meaning, written down once more in the plainest way. */
static bool plainly(const struct graph *g, unsigned from, bool own)
{
	bool reached[NODES] = {false}, allowed = false, denied = false;

	reached[from] = true;
	for (unsigned i = from; i < NODES; i++) { /* edges lead upwards */
		if (!reached[i])
			continue;
		for (unsigned k = 0; k < NODES; k++)
			reached[k] |= g->edge[i][k];
		allowed |= g->all[i] == 1 || (own && g->own[i] == 1);
		denied |= g->all[i] == 2 || (own && g->own[i] == 2);
	}
	return allowed && !denied;
}

/* promises: S1.11 */
static void flattened_rights_mean_what_the_graph_means(void **state)
{
	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		struct rule_facts own = RULE_FACTS_NONE, other = RULE_FACTS_NONE;
		struct role_book *book;
		struct graph g;

		graph_draw(&g, seed);
		book = book_of(&g);
		own.words[RULE_OWNER] = "own";
		other.words[RULE_OWNER] = "other";
		for (unsigned i = 0; i < NODES; i++) {
			assert_int_equal(allows(book, name_of(i), PERMISSION_JOB_READ, &own),
				plainly(&g, i, true));
			assert_int_equal(allows(book, name_of(i), PERMISSION_JOB_READ, &other),
				plainly(&g, i, false));
		}
		role_book_free(book);
	}
}

/* promises: S1.11 */
static void a_deny_added_anywhere_allows_nothing_more(void **state)
{
	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		struct rule_facts own = RULE_FACTS_NONE;
		struct role_book *before, *after;
		struct graph g;

		graph_draw(&g, seed);
		own.words[RULE_OWNER] = "own";
		before = book_of(&g);
		g.all[draw(&g, NODES)] = 2;
		after = book_of(&g);
		for (unsigned i = 0; i < NODES; i++)
			assert_false(!plainly(&g, i, true) &&
				     allows(after, name_of(i), PERMISSION_JOB_READ, &own));
		role_book_free(before);
		role_book_free(after);
	}
}

/* promises: S1.11 */
static void a_back_edge_is_refused_in_every_graph(void **state)
{
	char why[ROLE_PATH_MAX];

	for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
		struct role_book *book;
		struct graph g;
		unsigned low, high;

		graph_draw(&g, seed);
		memset(g.own, 0, sizeof g.own);
		memset(g.all, 0, sizeof g.all);
		low = draw(&g, NODES - 1);
		high = low + 1 + draw(&g, NODES - 1 - low);
		g.edge[low][high] = true;
		book = book_of(&g);
		assert_int_equal(role_book_check(book, NULL, why), ERR_OK);
		role_book_free(book);
		g.edge[high][low] = true;
		book = book_of(&g);
		assert_int_equal(role_book_check(book, NULL, why), ERR_CONFLICT);
		assert_non_null(strstr(why, "is a cycle"));
		role_book_free(book);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_no_rule_allows_is_denied),
		cmocka_unit_test(a_role_inherits_and_a_deny_wins_from_any_level),
		cmocka_unit_test(conditions_must_all_hold_and_the_unknown_denies),
		cmocka_unit_test(the_nearest_rule_lacks_fewest_and_says_what),
		cmocka_unit_test(a_cycle_is_told_with_its_path),
		cmocka_unit_test(a_contradiction_on_one_level_is_told_with_both_paths),
		cmocka_unit_test(an_exception_is_no_contradiction),
		cmocka_unit_test(a_line_that_is_no_rule_is_told_why),
		cmocka_unit_test(nobody_gives_more_than_they_have),
		cmocka_unit_test(a_rule_within_an_inherited_one_is_idle),
		cmocka_unit_test(flattened_rights_mean_what_the_graph_means),
		cmocka_unit_test(a_deny_added_anywhere_allows_nothing_more),
		cmocka_unit_test(a_back_edge_is_refused_in_every_graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
