/* command_record.h - the rows of the command table that work on the database itself: keys' epochs,
 * and what a fail-over or a restore leaves. See command.c, whose macros they use.
 *
 * Threads: constants. */
#ifndef CLI_COMMAND_RECORD_H
#define CLI_COMMAND_RECORD_H

/* clang-format off */
#define COMMANDS_RECORD \
	/* what content is sealed by; on keys.dir too */ \
	{"epoch", "list", "", 0, 0, "show the epochs of the key-encryption keys, and who holds them", \
	 OPTIONS(CONFIG), epoch_list_run, \
	 "HELD BY counts the processes that said so within 30 seconds and have its file, OF all of them."}, \
	{"epoch", "make", "", 0, 0, "make the key of a further epoch in keys.dir", \
	 OPTIONS(CONFIG, FLAG("if-none", 0, "make one only where there is no active epoch")), epoch_make_run, \
	 "The first is active at once. Make the next a week ahead, copy its file to keys.dir of\n" \
	 "every host, and activate it when `longhaul epoch list` shows that all processes hold it."}, \
	{"epoch", "activate", "EPOCH", 1, 1, "wrap all data keys by this epoch from now on", \
	 OPTIONS(CONFIG), epoch_activate_run, \
	 "Refused while a live process does not hold it. The one before is retired."}, \
	{"epoch", "escrow", "EPOCH", 1, 1, "copy an epoch's key to a file that goes to a safe", \
	 OPTIONS(CONFIG, PATH("to", 0, "FILE", "write the copy to this new file, mode 0600 (needed)")), epoch_escrow_run, \
	 "The copy says by when it must be destroyed: as long as backups that need it live. Never keep\n" \
	 "it where backups of the record are. ESCROW UNTIL of `longhaul epoch list` reminds of it."}, \
	{"epoch", "restore", "FILE", 1, 1, "put a copy from the safe into keys.dir", \
	 OPTIONS(CONFIG), epoch_restore_run, \
	 "Refused when it is not the key that the record knows under this number, or is destroyed there."}, \
	{"epoch", "destroy", "EPOCH", 1, 1, "destroy a retired epoch's key, or give up one that was never active", \
	 OPTIONS(CONFIG), epoch_destroy_run, \
	 "Refused before keys.retired_weeks are over, and while it wraps a data key. What only it\n" \
	 "can open, in backups and the log of Postgres, opens no more. One that was made and never\n" \
	 "active wraps nothing: it goes at once, also when its file is lost."}, \
	{"sealing", "status", "", 0, 0, "say whether anything from before there were keys is left in clear", \
	 OPTIONS(CONFIG), sealing_status_run, \
	 "The leader seals such values in walks through all jobs, and ends when a whole walk met none\n" \
	 "and the last was met an hour ago. From then on none is read."}, \
	/* behind a fail-over or a restore; on the database itself */ \
	{"history", "list", "", 0, 0, "show which histories the record had, and where each ended", \
	 OPTIONS(CONFIG), history_list_run, \
	 "A fail-over or a restore begins another. What was committed between the end of the one\n" \
	 "before and the loss of its server is not here."}, \
	{"review", "list", "", 0, 0, "show the jobs that ran when a history of the record ended", \
	 OPTIONS(CONFIG), review_list_run, \
	 "They may have ended in what was lost, and somebody may have been told so."}, \
	{"review", "release", "[JOB...]", 0, COMMAND_ANY, "let such jobs run again", \
	 OPTIONS(CONFIG, FLAG("all", 0, "all that wait")), review_release_run, NULL}, \
	{"review", "cancel", "[JOB...]", 0, COMMAND_ANY, "end such jobs as cancelled", \
	 OPTIONS(CONFIG, FLAG("all", 0, "all that wait")), review_cancel_run, NULL},
/* clang-format on */

#endif
