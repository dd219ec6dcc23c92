#include "kafka_admin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 3000 };

/* A request's way: handed over, at work, answered, collected. */
enum stage { IDLE, ASKED, ANSWERED };

struct kafka_admin {
	struct kafka_admin_hands hands; /* the thread's */
	struct stream_admin *admin;	/* NULL with other hands */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t change;
	bool stop;
	enum stage topics_stage, positions_stage;
	struct survey_topics topics;
	struct survey_positions positions;
};

/* Only the thread touches a request in stage ASKED: it may work on it unlocked. */
static void topics_work(struct kafka_admin *s)
{
	const char *names[SURVEY_TOPICS_MAX];

	for (size_t i = 0; i < s->topics.n; i++)
		names[i] = s->topics.names[i];
	s->topics.err = s->hands.ensure(s->hands.owner, names, s->topics.n, WAIT_MS);
}

static void positions_work(struct kafka_admin *s)
{
	s->positions.err =
		s->hands.survey(s->hands.owner, s->positions.list, s->positions.n, WAIT_MS);
}

static void work_unlocked(
	struct kafka_admin *s, void (*work)(struct kafka_admin *), enum stage *stage)
{
	pthread_mutex_unlock(&s->lock);
	work(s);
	pthread_mutex_lock(&s->lock);
	*stage = ANSWERED;
}

static void *kafka_admin_main(void *arg)
{
	struct kafka_admin *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (s->topics_stage == ASKED)
			work_unlocked(s, topics_work, &s->topics_stage);
		else if (s->positions_stage == ASKED)
			work_unlocked(s, positions_work, &s->positions_stage);
		else
			pthread_cond_wait(&s->change, &s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

enum err kafka_admin_new(
	const struct kafka_admin_hands *hands, struct kafka_admin **ret_kafka_admin)
{
	struct kafka_admin *s = calloc(1, sizeof *s);

	if (!s)
		return ERR_NOMEM;
	s->hands = *hands;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->change, NULL);
	s->running = pthread_create(&s->thread, NULL, kafka_admin_main, s) == 0;
	if (!s->running) {
		kafka_admin_close(s);
		return ERR_SYSTEM;
	}
	*ret_kafka_admin = s;
	return ERR_OK;
}

static enum err ask_ensure(void *owner, const char *const *queues, size_t n, int wait_ms)
{
	return stream_admin_ensure(owner, queues, n, wait_ms);
}

static enum err ask_survey(void *owner, struct stream_position *positions, size_t n, int wait_ms)
{
	return stream_admin_survey(owner, positions, n, wait_ms);
}

enum err kafka_admin_open(const struct stream_settings *settings, const char *group,
	struct kafka_admin **ret_kafka_admin)
{
	struct kafka_admin_hands hands = {.ensure = ask_ensure, .survey = ask_survey};
	struct stream_admin *admin = NULL;
	enum err err = stream_admin_open(settings, group, &admin);

	if (err != ERR_OK)
		return err;
	hands.owner = admin;
	err = kafka_admin_new(&hands, ret_kafka_admin);
	if (err != ERR_OK)
		stream_admin_close(admin);
	else
		(*ret_kafka_admin)->admin = admin;
	return err;
}

void kafka_admin_close(struct kafka_admin *s)
{
	if (!s)
		return;
	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->change);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	stream_admin_close(s->admin);
	pthread_cond_destroy(&s->change);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- handing over and collecting; what of the request is copied under the lock ---- */

static bool hand_over(
	struct kafka_admin *s, enum stage *stage, void *request, const void *asked, size_t size)
{
	bool taken;

	pthread_mutex_lock(&s->lock);
	taken = *stage == IDLE;
	if (taken) {
		memcpy(request, asked, size);
		*stage = ASKED;
		pthread_cond_signal(&s->change);
	}
	pthread_mutex_unlock(&s->lock);
	return taken;
}

static bool collect(struct kafka_admin *s, enum stage *stage, const void *request, void *ret_answer,
	size_t size)
{
	bool there;

	pthread_mutex_lock(&s->lock);
	there = *stage == ANSWERED;
	if (there) {
		memcpy(ret_answer, request, size);
		*stage = IDLE;
	}
	pthread_mutex_unlock(&s->lock);
	return there;
}

bool kafka_admin_ensure(struct kafka_admin *s, const struct survey_topics *topics)
{
	return hand_over(s, &s->topics_stage, &s->topics, topics, sizeof s->topics);
}

bool kafka_admin_ask(struct kafka_admin *s, const struct survey_positions *positions)
{
	return hand_over(s, &s->positions_stage, &s->positions, positions, sizeof s->positions);
}

bool kafka_admin_ensured(struct kafka_admin *s, struct survey_topics *ret_topics)
{
	return collect(s, &s->topics_stage, &s->topics, ret_topics, sizeof s->topics);
}

bool kafka_admin_answered(struct kafka_admin *s, struct survey_positions *ret_positions)
{
	return collect(s, &s->positions_stage, &s->positions, ret_positions, sizeof s->positions);
}
