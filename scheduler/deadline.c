#include "deadline.h"

#include "stores/due.h"

enum { PAGE = 500, PAGE_SMALL = 20 };

typedef enum err page_fn(
	struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx);

/* A page that does not end in time is tried once more, small: one slow page must not stop time. */
static enum err page_turn(struct leader *leader, page_fn *page, size_t *ret_n)
{
	struct ask ask = {0};
	enum err err =
		leader_wait(leader, page(leader->db, leader->term, PAGE, ask_work, &ask), &ask);

	if (err == ERR_DB && db_is_up(leader->db)) {
		ask = (struct ask){0};
		err = leader_wait(
			leader, page(leader->db, leader->term, PAGE_SMALL, ask_work, &ask), &ask);
	}
	if (err == ERR_OK)
		*ret_n = ask.n;
	return err;
}

enum err deadline_due(struct leader *leader, bool *ret_busy)
{
	size_t n = 0;
	enum err err = page_turn(leader, due_move, &n);

	if (err != ERR_OK)
		return err;
	leader->tally.due += n;
	*ret_busy = n > 0;
	return ERR_OK;
}

enum err deadline_expire(struct leader *leader, bool *ret_busy)
{
	size_t waiting = 0, running = 0;
	enum err err = page_turn(leader, due_expire_waiting, &waiting);

	if (err == ERR_OK)
		err = page_turn(leader, due_expire_running, &running);
	if (err != ERR_OK)
		return err;
	leader->tally.expired += waiting + running;
	*ret_busy = waiting == PAGE || running == PAGE;
	return ERR_OK;
}
