/* handlers.h - the functions behind the command table, one file per noun.
 *
 * Each reads its call, writes results to call->out and words for people to
 * call->err, and returns how it ended. None keeps anything.
 *
 * Threads: one. */
#ifndef CLI_HANDLERS_H
#define CLI_HANDLERS_H

#include "call.h"

command_fn submit_run;
command_fn job_get_run, job_wait_run;
command_fn job_list_run;
command_fn job_cancel_run, job_retry_run;
command_fn watch_run, why_run, top_run;
command_fn queue_list_run, queue_set_run, queue_pause_run, queue_resume_run, queue_drain_run;
command_fn worker_list_run, worker_drain_run;
command_fn upstream_list_run, upstream_show_run, upstream_block_run, upstream_allow_run,
	upstream_auto_run;
command_fn consumption_run;
command_fn tenant_create_run, tenant_list_run, tenant_origins_run, tenant_limits_run;
command_fn limit_list_run, limit_set_run, limit_remove_run, limit_plan_run;
command_fn role_list_run, role_show_run, role_set_run, role_remove_run, role_move_run;
command_fn user_list_run, user_set_run, access_explain_run;
command_fn api_key_create_run, api_key_list_run, api_key_rotate_run, api_key_revoke_run;
command_fn issuer_add_run, issuer_list_run, issuer_remove_run, revoke_run;
command_fn revocation_list_run, revocation_remove_run;
command_fn audit_export_run, audit_verify_run, audit_key_run, audit_anomalies_run;
command_fn approval_list_run, approval_approve_run, approval_refuse_run;
command_fn two_people_show_run, two_people_on_run, two_people_off_run;
command_fn sealing_status_run;
command_fn history_list_run, review_list_run, review_release_run, review_cancel_run;
command_fn signing_key_list_run, signing_key_rotate_run, signing_key_emergency_run;
command_fn epoch_list_run, epoch_make_run, epoch_activate_run, epoch_destroy_run;
command_fn epoch_escrow_run, epoch_restore_run;
command_fn migrate_command_run, bootstrap_run, check_config_run;
command_fn demo_run, completion_run, help_run, version_run;

#endif
