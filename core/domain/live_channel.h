/* live_channel.h - the names under which programs meet in Redis over jobs; others: permit_keys.h,
 * producer/limits/limit_script.h.
 *
 * Workers write, producers read and tell, all of it may vanish (worker/live.h).
 * <job> is the plain UUID.
 *
 *   lh:live:<job>   stream, entry <number>-0, field t = text, sealed: one job.delta each
 *   lh:fence:<job>  hash: the fence of who wrote last (the worker's script refuses a lower one),
 *                   the number it wrote, and the bytes of its attempt's text so far
 *   lh:tail:<job>   channel: "<number> <sealed text>"
 *   lh:state        channel: lines "<job> <state>", after the record has it
 *   lh:cancel       channel: lines "<job>": its worker beats now, and learns what became of it
 *   lh:early:<n>:<queue>  channel: a dispatch message (domain/dispatch_message.h) that was just
 * sent to partition n of the queue's topic, for the worker that reads it
 *
 * Threads: constants. */
#ifndef DOMAIN_LIVE_CHANNEL_H
#define DOMAIN_LIVE_CHANNEL_H

#define LIVE_STREAM_OF	    "lh:live:"
#define LIVE_FENCE_OF	    "lh:fence:"
#define LIVE_TAIL_OF	    "lh:tail:"
#define LIVE_STATE_CHANNEL  "lh:state"
#define LIVE_CANCEL_CHANNEL "lh:cancel"
#define LIVE_EARLY_OF	    "lh:early:"

#endif
