#include "spoken.h"

#include "profile.h"

static enum outcome parse(struct spoken *s, const char *text, struct profile *ret)
{
	FILE *in = fmemopen((char *)text, strlen(text), "r");
	enum outcome outcome;

	SPOKEN(s, "list");
	outcome = profile_parse(&s->call, in, "/etc/longhaul/profile", ret);
	fclose(in);
	spoken_flush(s);
	return outcome;
}

static void test_lines_spaces_and_comments_are_read(void **state)
{
	struct profile profile;
	struct spoken s;

	assert_int_equal(parse(&s,
				 "# mine\n\n url = https://h.example/ \r\napi_key_file=keys/api\n"
				 "admin_key_file=/run/admin\nmodel=sim?a=b\n",
				 &profile),
		OUTCOME_OK);
	assert_string_equal(profile.url, "https://h.example");
	assert_string_equal(profile.admin_url, "http://127.0.0.1:8081");
	assert_string_equal(profile.api_key_file, "/etc/longhaul/keys/api");
	assert_string_equal(profile.admin_key_file, "/run/admin");
	assert_string_equal(profile.model, "sim?a=b");
	spoken_close(&s);
}

static void refused(const char *text, const char *sentence)
{
	struct profile profile = {.url = "untouched"};
	struct spoken s;

	assert_int_equal(parse(&s, text, &profile), OUTCOME_USAGE);
	if (!spoken_has(s.err, sentence))
		fail_msg("expected \"%s\" in \"%s\"", sentence, s.err);
	assert_string_equal(profile.url, "untouched");
	spoken_close(&s);
}

static void test_mistakes_are_named_with_their_line(void **state)
{
	refused("url=http://a\nurl\n", "/etc/longhaul/profile:2: expected name=value");
	refused("\n\ncolour=red\n", "profile:3: known names are url");
	refused("url=ftp://a\n", "begins with http://");
	refused("url=http://me:secret@a\n", "no user name or password");
}

static void test_a_key_in_the_profile_is_refused(void **state)
{
	refused("api_key=lh_0123\n", "keys stand in files of their own");
}

static void test_a_value_too_long_is_refused(void **state)
{
	char text[PROFILE_MODEL_MAX + 64] = "model=";

	memset(text + 6, 'x', PROFILE_MODEL_MAX);
	refused(text, "profile:1: the value is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_spaces_and_comments_are_read),
		cmocka_unit_test(test_mistakes_are_named_with_their_line),
		cmocka_unit_test(test_a_key_in_the_profile_is_refused),
		cmocka_unit_test(test_a_value_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
