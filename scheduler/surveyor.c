#include "surveyor.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAIT_MS = 3000 };

/* A request's way: handed over, at work, answered, collected. */
enum stage { IDLE, ASKED, ANSWERED };

struct surveyor {
	struct surveyor_hands hands; /* the thread's */
	struct stream_admin *admin;  /* NULL with other hands */
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
static void topics_work(struct surveyor *s)
{
	const char *names[SURVEY_TOPICS_MAX];

	for (size_t i = 0; i < s->topics.n; i++)
		names[i] = s->topics.names[i];
	s->topics.err = s->hands.ensure(s->hands.owner, names, s->topics.n, WAIT_MS);
}

static void positions_work(struct surveyor *s)
{
	s->positions.err =
		s->hands.survey(s->hands.owner, s->positions.list, s->positions.n, WAIT_MS);
}

static void work_unlocked(struct surveyor *s, void (*work)(struct surveyor *), enum stage *stage)
{
	pthread_mutex_unlock(&s->lock);
	work(s);
	pthread_mutex_lock(&s->lock);
	*stage = ANSWERED;
}

static void *surveyor_main(void *arg)
{
	struct surveyor *s = arg;

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

enum err surveyor_new(const struct surveyor_hands *hands, struct surveyor **ret_surveyor)
{
	struct surveyor *s = calloc(1, sizeof *s);

	if (!s)
		return ERR_NOMEM;
	s->hands = *hands;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->change, NULL);
	s->running = pthread_create(&s->thread, NULL, surveyor_main, s) == 0;
	if (!s->running) {
		surveyor_close(s);
		return ERR_SYSTEM;
	}
	*ret_surveyor = s;
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

enum err surveyor_open(
	const struct stream_settings *settings, const char *group, struct surveyor **ret_surveyor)
{
	struct surveyor_hands hands = {.ensure = ask_ensure, .survey = ask_survey};
	struct stream_admin *admin = NULL;
	enum err err = stream_admin_open(settings, group, &admin);

	if (err != ERR_OK)
		return err;
	hands.owner = admin;
	err = surveyor_new(&hands, ret_surveyor);
	if (err != ERR_OK)
		stream_admin_close(admin);
	else
		(*ret_surveyor)->admin = admin;
	return err;
}

void surveyor_close(struct surveyor *surveyor)
{
	struct surveyor *s = surveyor;

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

bool surveyor_ensure(struct surveyor *surveyor, const struct survey_topics *topics)
{
	bool taken;

	pthread_mutex_lock(&surveyor->lock);
	taken = surveyor->topics_stage == IDLE;
	if (taken) {
		surveyor->topics = *topics;
		surveyor->topics_stage = ASKED;
		pthread_cond_signal(&surveyor->change);
	}
	pthread_mutex_unlock(&surveyor->lock);
	return taken;
}

bool surveyor_ask(struct surveyor *surveyor, const struct survey_positions *positions)
{
	bool taken;

	pthread_mutex_lock(&surveyor->lock);
	taken = surveyor->positions_stage == IDLE;
	if (taken) {
		surveyor->positions = *positions;
		surveyor->positions_stage = ASKED;
		pthread_cond_signal(&surveyor->change);
	}
	pthread_mutex_unlock(&surveyor->lock);
	return taken;
}

bool surveyor_ensured(struct surveyor *surveyor, struct survey_topics *ret_topics)
{
	bool there;

	pthread_mutex_lock(&surveyor->lock);
	there = surveyor->topics_stage == ANSWERED;
	if (there) {
		*ret_topics = surveyor->topics;
		surveyor->topics_stage = IDLE;
	}
	pthread_mutex_unlock(&surveyor->lock);
	return there;
}

bool surveyor_answered(struct surveyor *surveyor, struct survey_positions *ret_positions)
{
	bool there;

	pthread_mutex_lock(&surveyor->lock);
	there = surveyor->positions_stage == ANSWERED;
	if (there) {
		*ret_positions = surveyor->positions;
		surveyor->positions_stage = IDLE;
	}
	pthread_mutex_unlock(&surveyor->lock);
	return there;
}
