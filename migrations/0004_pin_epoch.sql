-- Which history this server is on. A promotion changes the timeline, a restore also
-- the system identifier: then fences start 2^32 higher and every lease has ended,
-- for their holders may have been told things that this history does not know.

create policy close_owner on attempt for insert to current_user with check (true);

create function epoch_pin(out system_identifier bigint, out timeline integer, out fence_base bigint,
	out fresh boolean) language plpgsql security definer set search_path = public, pg_temp as $$
declare
	now_id bigint := (select c.system_identifier from pg_control_system() c);
	now_line int;
	last record_epoch;
begin
	if pg_is_in_recovery() then
		raise exception 'this server is a standby' using errcode = 'read_only_sql_transaction';
	end if;
	now_line := ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int;
	select * into last from record_epoch e order by e.fence_base desc limit 1;
	fresh := last.fence_base is null or last.system_identifier <> now_id or last.timeline <> now_line;
	if fresh then
		perform pg_advisory_xact_lock(720713003);
		select * into last from record_epoch e order by e.fence_base desc limit 1;
		fresh := last.fence_base is null or last.system_identifier <> now_id or last.timeline <> now_line;
	end if;
	if fresh then
		insert into record_epoch as e (fence_base, system_identifier, timeline)
		values (coalesce(last.fence_base + 4294967296, 0), now_id, now_line) returning e.* into last;
		if last.fence_base > 0 then
			perform leases_end();
		end if;
	end if;
	system_identifier := last.system_identifier;
	timeline := last.timeline;
	fence_base := last.fence_base;
end $$;

-- Every running job becomes ready again, interrupted, its event block closed. Jobs are locked first,
-- in their order, and then found by address: tens of thousands must end within one statement's time.
create function leases_end() returns bigint language plpgsql as $$
declare
	ended bigint;
begin
	perform count(*) from (select tenant_id, job_id from job_lease order by job_id) l
		cross join lateral (select 1 from job j where j.tenant_id = l.tenant_id
			and j.job_id = l.job_id for update) j;
	with held as materialized (
		select l.*, j.at, j.retention, j.priority, j.deaths from job_lease l
		cross join lateral (select j.ctid as at, j.retention, j.priority, j.deaths from job j
			where j.tenant_id = l.tenant_id and j.job_id = l.job_id and j.state = 'running'
			and j.fence = l.fence limit 1) j
	), freed as (
		delete from job_lease
	), back as (
		update job j set state = 'queued', version = j.version + 1, restarted = true,
			interruptions = j.interruptions + 1, attempt = greatest(j.attempt - 1, 0),
			rank = ready_rank(now(), j.priority)
		from held h where j.ctid = h.at returning h.*
	), told as (
		insert into attempt (retention, tenant_id, job_id, fence, worker_id, started_at, event_from,
			event_to, number, restarted, state, outcome, ended_by)
		select retention, tenant_id, job_id, fence, worker_id, started_at, event_from, event_to, number,
			restarted, 'queued', 'interrupted', 'reaper' from back
	), heads as (
		insert into ready_head (tenant_id, queue_id)
		select distinct tenant_id, queue_id from back order by 1, 2 on conflict do nothing
	), again as (
		insert into job_ready (tenant_id, queue_id, rank, job_id, deadline_at, probation)
		select tenant_id, queue_id, ready_rank(now(), priority), job_id, deadline_at, deaths >= 2
		from back returning 1
	) select count(*) into ended from again;
	insert into audit (tenant_id, actor_kind, action, count)
	values ('00000000-0000-0000-0000-000000000000', 'leader', 'epoch.pin', ended);
	return ended;
end $$;
create policy back_owner on ready_head for all to current_user using (true) with check (true);

revoke all on function epoch_pin, leases_end from public;
grant execute on function epoch_pin to longhaul_worker, longhaul_scheduler;
