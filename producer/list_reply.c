#include "list_reply.h"

#include <string.h>

struct list_reply list_reply_begin(struct reply *reply)
{
	struct list_reply list = {.out = reply_json(reply, 200)};

	(void)buf_text(list.out, "{\"object\":\"list\",\"data\":[");
	return list;
}

struct buf *list_reply_element(struct list_reply *list)
{
	if (list->any)
		(void)buf_char(list->out, ',');
	list->any = true;
	return list->out;
}

void list_reply_end(struct list_reply *list, bool has_more, const char *next)
{
	(void)buf_printf(list->out, "],\"has_more\":%s,\"next\":", has_more ? "true" : "false");
	if (next && next[0])
		(void)buf_json(list->out, next, strlen(next));
	else
		(void)buf_text(list->out, "null");
	(void)buf_char(list->out, '}');
}
