-- What sharing needs to know: how large a job is, what a tenant may have and what its turn is
-- worth, a queue's own limits, and how fast queues are worked off.

-- Thousands of tokens, estimated at submit, at least 1: what a job costs its tenant's turn.
alter table job add column units integer not null default 1 check (units > 0);
alter table job_ready add column units integer not null default 1;

-- Only tenants that differ from the rest have a row. 0 = no cap.
create table tenant_limit (
	tenant_id uuid primary key,
	weight integer not null default 1 check (weight between 1 and 1000),
	max_running integer not null default 0 check (max_running >= 0),
	max_queued bigint not null default 0 check (max_queued >= 0),
	queued bigint not null default 0 -- by the leader's last count
) with (fillfactor = 60);

create index ready_head_blocked on ready_head (tenant_id) where blocked;

-- 0 = no limit.
alter table queue
	add column attempt_timeout_s integer not null default 0 check (attempt_timeout_s >= 0),
	add column deadline_s integer not null default 0 check (deadline_s >= 0),
	add column max_age_s integer not null default 0 check (max_age_s >= 0);

-- Starts a second, as the leader measured them from what the workers say they started in all.
alter table queue_flow
	add column drain_rate double precision not null default 0 check (drain_rate >= 0),
	add column started bigint not null default 0;
create table worker_started (
	worker_id uuid not null,
	queue_id integer not null,
	started bigint not null,
	primary key (worker_id, queue_id)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

do $$
declare
	own constant text := (select pg_get_expr(polqual, polrelid) from pg_policy
		where polrelid = 'tenant'::regclass and polname = 'by_tenant');
	seer text;
begin
	alter table tenant_limit enable row level security;
	alter table tenant_limit force row level security;
	execute format('create policy by_tenant on tenant_limit using (%s) with check (%s)', own, own);
	foreach seer in array array['longhaul_producer', 'longhaul_worker', 'longhaul_scheduler'] loop
		execute format('create policy %I on tenant_limit to %I using (true) with check (true)',
			'all_' || seer, seer);
	end loop;
end $$;

grant select, insert, update on tenant_limit to longhaul_producer;
grant select on tenant_limit to longhaul_worker, longhaul_scheduler;
grant update (queued) on tenant_limit to longhaul_scheduler;
grant select, insert, update on worker_started to longhaul_worker;
grant select, delete on worker_started to longhaul_scheduler;
