#include "jobs/job_values.h"

/* Which member of a submit each place is. */
static struct db_bytes *value_home(struct submit *s, enum sealed_place place)
{
	struct db_bytes *const homes[] = {
		[SEALED_INPUT] = &s->input,
		[SEALED_SUBJECT] = &s->subject,
		[SEALED_METADATA] = &s->metadata,
		[SEALED_CALLBACK] = &s->callback,
		[SEALED_FALLBACK] = &s->fallback,
		[SEALED_TRACE] = &s->trace,
	};

	return homes[place];
}

/* Some are kept in clear as well, in the form of format 0. */
static enum err told_add(
	struct job_spec *spec, enum sealed_place place, const char *bytes, size_t len)
{
	static const struct {
		enum sealed_place place;
		size_t told;
	} rows[] = {{SEALED_SUBJECT, JOB_TOLD_SUBJECT}, {SEALED_METADATA, JOB_TOLD_METADATA},
		{SEALED_TRACE, JOB_TOLD_TRACE}};
	size_t i = 0;

	while (i < JOB_TOLD && rows[i].place != place)
		i++;
	if (i == JOB_TOLD)
		return ERR_OK;
	spec->told_at[rows[i].told] = spec->clear.len;
	spec->told[rows[i].told].len = len + 1;
	(void)buf_char(&spec->clear, SEALED_CLEAR);
	return buf_append(&spec->clear, bytes, len);
}

enum err job_value_add(
	struct job_spec *spec, enum sealed_place place, const char *bytes, size_t len)
{
	const size_t at = spec->sealed.len;
	enum err e = sealed_room(bytes, len, &spec->sealed);

	if (e)
		return e;
	spec->values[spec->values_n++] = (struct job_value){
		value_home(&spec->submit, place), place, at, spec->sealed.len - at};
	return told_add(spec, place, bytes, len);
}

enum err job_value_add_json(struct job_spec *spec, enum sealed_place place, const json_t *value)
{
	struct buf text;
	enum err e;

	buf_init(&text, spec->sealed.max);
	e = json_write(value, &text);
	if (!e)
		e = job_value_add(spec, place, text.bytes, text.len);
	digest_wipe(text.bytes, text.len);
	buf_clear(&text);
	return e;
}

void job_values_point(struct job_spec *spec)
{
	for (size_t i = 0; i < JOB_TOLD; i++)
		if (spec->told[i].len)
			spec->told[i].bytes = spec->clear.bytes + spec->told_at[i];
	for (size_t i = 0; i < spec->values_n; i++)
		*spec->values[i].to = (struct db_bytes){
			spec->sealed.bytes + spec->values[i].at, spec->values[i].len};
}

enum err job_values_seal(struct job_spec *spec, struct keyring *ring)
{
	struct sealed_box box;
	enum err e = ERR_OK;

	sealed_box_open(&box, ring, spec->submit.tenant, &spec->key);
	for (size_t i = 0; !e && i < spec->values_n; i++) {
		const struct job_value *value = &spec->values[i];

		e = sealed_stand(&box, (struct sealed_where){value->place, spec->submit.job, 0},
			spec->sealed.bytes + value->at, value->len);
	}
	sealed_box_close(&box);
	spec->is_sealed = !e;
	return e;
}
