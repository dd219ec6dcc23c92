#include "connect/keys.h"

#include "ground/log.h"
#include "ports/key_files.h"

#include <stdio.h>
#include <string.h>

enum { WHY_MAX = 8192 };

/* Looks come every few seconds; the same fault is told once. */
static void fault_tell(struct keys_told *told, enum err e, const char *why)
{
	char fault[KEYS_FAULT_MAX];

	(void)snprintf(fault, sizeof(fault), "%s", why);
	if (strcmp(told->fault, fault) == 0)
		return;
	if (e != ERR_OK)
		log_error("keys cannot be used", LOG_ERR(e), LOG_TEXT("why", why));
	else if (*why != '\0')
		log_error("a key cannot be read", LOG_TEXT("why", why));
	memcpy(told->fault, fault, sizeof(fault));
}

static enum err load(const char *dir, struct keyring *ring, struct keys_told *told, size_t *ret_n)
{
	struct buf why;
	enum err e;

	buf_init(&why, WHY_MAX);
	e = key_files_load(dir, ring, ret_n, &why);
	fault_tell(told, e, why.len > 0 ? why.bytes : e != ERR_OK ? err_text(e) : "");
	buf_clear(&why);
	return e;
}

enum err keys_open(const struct config *config, struct keyring **ret_ring)
{
	const char *dir = config->keys.dir;
	struct keys_told told = {.any = false};
	struct keyring *ring = NULL;
	size_t n = 0;
	enum err e = keyring_new(&ring);

	if (e == ERR_OK)
		e = *dir != '\0' ? load(dir, ring, &told, &n) : ERR_OK;
	if (e == ERR_OK && n == 0) {
		if (*told.fault == '\0')
			log_error("there are no keys: `longhaul epoch make` makes the first one",
				LOG_TEXT("keys.dir", dir));
		e = ERR_CONFIG;
	}
	if (e == ERR_OK)
		*ret_ring = ring;
	else
		keyring_free(ring);
	return e;
}

void keys_look(const struct config *config, struct keyring *ring, struct keys_told *told)
{
	int32_t epoch;
	const size_t times = keyring_lacked(ring, &epoch);

	if (times > 0)
		log_error("data keys do not open: the key of their epoch is destroyed or not here",
			LOG_INT("epoch", epoch), LOG_INT("times", (int64_t)times));
	(void)load(config->keys.dir, ring, told, NULL);
}

/* What is held serves on; a restart would not find it again. */
static void gone_tell(const struct keys_told *told, const struct key_state *state)
{
	if (state->gone && state->gone != told->state.gone)
		log_error("a key's file is gone: put it back before this program ends",
			LOG_INT("epoch", state->gone));
}

bool keys_tell(struct keys_told *told, const struct key_state *state, const char *without)
{
	if (told->any && key_state_equal(&told->state, state))
		return false;
	gone_tell(told, state);
	if (state->holds_active)
		log_info("keys", LOG_INT("epoch", state->active),
			LOG_INT("missing", (int64_t)state->missing),
			LOG_INT("destroyed_and_here", (int64_t)state->left));
	else if (state->other_active)
		log_error("the active epoch's key file holds another key than the record knows",
			LOG_INT("epoch", state->active), LOG_TEXT("so", without));
	else
		log_error("the active epoch's key is not here", LOG_INT("epoch", state->active),
			LOG_TEXT("so", without));
	told->state = *state;
	told->any = true;
	return true;
}
