-- Who may see and do what. Row security is enabled and forced on every table with
-- a tenant: a transaction sees the tenants it names in app.tenants. Id tables let
-- the programs that must look across tenants do so; content tables let nobody.

-- ---- row security ----
do $$
declare
	-- The list is read once a statement, its cast included: with the cast outside of the sub-select a
	-- batch of a hundred tenants was parsed anew for every row it wrote (38 us a row, measured).
	-- coalesce keeps the sub-select a value: bare, ANY would take it for a set of rows.
	own constant text := $policy$tenant_id = ANY(COALESCE((SELECT string_to_array(NULLIF(current_setting('app.tenants', true), ''), ',')::uuid[]), '{}'))$policy$;
	name text;
	seer text;
	-- table: the roles that see all its rows, beside those of app.tenants
	open constant jsonb := jsonb_build_object(
		'tenant', 'longhaul_producer',
		'api_key', 'longhaul_producer',
		'job', 'longhaul_worker longhaul_scheduler',
		'job_ready', 'longhaul_worker longhaul_scheduler',
		'ready_head', 'longhaul_worker longhaul_scheduler',
		'job_due', 'longhaul_worker longhaul_scheduler',
		'job_lease', 'longhaul_worker longhaul_scheduler',
		'job_done', 'longhaul_worker longhaul_scheduler',
		'delivery', 'longhaul_worker longhaul_scheduler',
		'delivery_attempt', 'longhaul_worker',
		'worker_notice', 'longhaul_producer longhaul_worker longhaul_scheduler',
		'worker_crash', 'longhaul_worker longhaul_scheduler',
		'tenant_setting', '', 'job_input', '', 'job_match', '', 'job_result', '', 'job_event', '',
		'attempt', '', 'audit', '', 'idempotency', '');
begin
	for name in select jsonb_object_keys(open) loop
		execute format('alter table %I enable row level security', name);
		execute format('alter table %I force row level security', name);
		execute format('create policy by_tenant on %I using (%s) with check (%s)', name, own, own);
		foreach seer in array string_to_array(open ->> name, ' ') loop
			execute format('create policy %I on %I to %I using (true) with check (true)',
				'all_' || seer, name, seer);
		end loop;
	end loop;
	-- The owner's functions keep the days: they need the ids, never the content.
	foreach name in array array['job', 'job_ready', 'job_due', 'job_lease', 'job_done', 'delivery',
			'delivery_attempt', 'worker_crash'] loop
		execute format('create policy all_owner on %I to %I using (true)', name, current_user);
	end loop;
end $$;
-- Closing rows: the scheduler may add them and never read one.
create policy close_attempt on attempt for insert to longhaul_scheduler with check (true);
create policy close_audit on audit for insert to longhaul_scheduler with check (true);
-- What the installation itself does is nobody's tenant.
create policy system_audit on audit for insert to longhaul_producer, longhaul_worker
	with check (tenant_id = '00000000-0000-0000-0000-000000000000');
create policy system_audit_owner on audit for insert to current_user
	with check (tenant_id = '00000000-0000-0000-0000-000000000000');
create policy expired on idempotency to longhaul_scheduler using (expires_at < now());
create policy bootstrap on api_key to current_user using (operator) with check (operator);

-- ---- rights ----
grant select on record_epoch, queue, queue_flow, worker, worker_beat, leader_term
	to longhaul_producer, longhaul_worker, longhaul_scheduler;
grant insert on audit to longhaul_producer, longhaul_worker, longhaul_scheduler;

grant select, insert, update on tenant, tenant_setting, api_key, queue, queue_flow to longhaul_producer;
grant select, insert, update, delete on job, job_ready, ready_head, job_due to longhaul_producer;
grant select, delete on job_lease to longhaul_producer;
grant select, insert, delete on job_input, job_match, job_event, job_result, job_done, attempt,
	idempotency, delivery to longhaul_producer;
grant update (input, fallback) on job_input to longhaul_producer;
grant update (body) on job_result to longhaul_producer;
grant update on idempotency, delivery to longhaul_producer;
grant select, delete on delivery_attempt to longhaul_producer;
grant select on audit to longhaul_producer;
grant insert on worker_notice to longhaul_producer;
grant update (drain) on worker to longhaul_producer;
grant insert, update on dispatch_batch to longhaul_producer;
grant select on dispatch_batch to longhaul_producer;

grant select, update on job to longhaul_worker;
grant select, insert, update, delete on job_ready, job_lease to longhaul_worker;
grant select, insert on ready_head, job_due, job_done, delivery_attempt to longhaul_worker;
grant select, insert, update on delivery to longhaul_worker;
grant select on job_input, tenant_setting to longhaul_worker;
grant select, insert on job_result, job_event, attempt to longhaul_worker;
grant update on attempt to longhaul_worker;
grant select, insert, update on worker, worker_beat to longhaul_worker;
grant select, delete on worker_notice to longhaul_worker;
grant select on worker_grant to longhaul_worker;
grant select, insert on worker_crash to longhaul_worker;

grant select, update on job to longhaul_scheduler;
grant select, insert, update, delete on job_ready, ready_head, job_due, job_lease, dispatch_batch,
	queue_flow, worker_grant to longhaul_scheduler;
grant select, insert on job_done, worker_notice to longhaul_scheduler;
grant insert (tenant_id, delivery_id, job_id, queue_id, retention, job_state) on delivery
	to longhaul_scheduler;
grant insert (retention, tenant_id, job_id, fence, worker_id, started_at, event_from, event_to, number,
	restarted, state, outcome, waiting_for, ended_by) on attempt to longhaul_scheduler;
grant select, update, delete on worker_crash to longhaul_scheduler;
grant select, update, delete on worker to longhaul_scheduler;
grant select, delete on worker_beat to longhaul_scheduler;
grant delete on worker_notice to longhaul_scheduler;
grant update on leader_term to longhaul_scheduler;
grant select, delete on idempotency to longhaul_scheduler;
