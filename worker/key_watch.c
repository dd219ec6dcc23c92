#include "key_watch.h"

#include "claim.h"
#include "connect/keys.h"
#include "stores/key_epoch.h"
#include "worker.h"

#include <stdlib.h>

enum { WITHOUT_MS = 200 };

struct key_watch {
	struct worker *worker;
	struct loop_timer *timer;
	struct key_holder self;
	struct keys_told told;
};

static void on_report(void *ctx, enum err e, const struct key_state *state)
{
	struct key_watch *k = ctx;

	if (!e && keys_tell(&k->told, state, "nothing is claimed"))
		claim_wake(k->worker->claim);
	loop_timer_start(k->timer, k->told.state.holds_active ? KEY_REPORT_EVERY_MS : WITHOUT_MS);
}

static void report(void *owner)
{
	struct key_watch *k = owner;
	struct worker *w = k->worker;

	keys_look(w->config, w->keyring, &k->told);
	if (key_epoch_report(worker_db_claim(w), &k->self, w->keyring, on_report, k))
		loop_timer_start(k->timer, WITHOUT_MS);
}

enum err key_watch_new(struct worker *w, struct key_watch **ret_watch)
{
	struct key_watch *k = calloc(1, sizeof(*k));
	enum err e;

	if (!k)
		return ERR_NOMEM;
	k->worker = w;
	k->self = (struct key_holder){id_new(0), "worker"};
	e = loop_timer_new(w->loop, report, k, &k->timer);
	if (e) {
		free(k);
		return e;
	}
	loop_timer_start(k->timer, 0);
	*ret_watch = k;
	return ERR_OK;
}

void key_watch_free(struct key_watch *k)
{
	if (!k)
		return;
	loop_timer_free(k->timer);
	free(k);
}
