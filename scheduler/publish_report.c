#include "publish_report.h"

#include "domain/dispatch_message.h"

#include <stdio.h>

static void fill(struct published *row, struct id batch, const char *queue, size_t jobs)
{
	row->batch = batch;
	row->jobs = (int32_t)jobs;
	row->partition = -1;
	row->offset = -1;
	snprintf(row->queue, sizeof row->queue, "%s", queue);
}

void publish_report_fail(
	struct publish_report *report, struct id batch, const char *queue, size_t jobs)
{
	if (report->failed_n < PUBLISH_REPORT_MAX)
		fill(&report->failed[report->failed_n++], batch, queue, jobs);
}

void publish_report_note(void *owner, const struct stream_delivery *delivery)
{
	struct publish_report *report = owner;
	struct dispatch_message message;
	struct published *row;

	if (dispatch_message_read(delivery->bytes, delivery->len, &message) != ERR_OK)
		return;
	if (delivery->err != ERR_OK) {
		publish_report_fail(report, message.batch, delivery->queue, message.n);
		return;
	}
	if (report->delivered_n == PUBLISH_REPORT_MAX)
		return;
	row = &report->delivered[report->delivered_n++];
	fill(row, message.batch, delivery->queue, message.n);
	row->partition = delivery->partition;
	row->offset = delivery->offset;
}
