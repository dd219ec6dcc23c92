-- After a promotion or a restore the record may lack what was committed last. Where its history ends is told; jobs that
-- ran there may have ended since, and somebody may have been told so: they wait for an operator's word, unless the
-- configuration says that nothing can have been lost.
alter table record_epoch add column history_ends_at timestamptz, -- the last that is known of the history before
	add column held bigint not null default 0, -- jobs that ran then
	add column reviewed boolean not null default false; -- they wait for an operator's word

-- Where they are found, however many jobs wait for other things.
alter table job_due add column review boolean not null default false;
create index job_due_review on job_due (tenant_id, job_id) where review;

-- Who restores a record is shown whose jobs wait.
create policy seen_owner on tenant for select to current_user using (true);

drop function epoch_pin();
drop function leases_end();

-- Every running job ends its attempt, interrupted, and its event block is closed. It waits for a word until its deadline, or
-- is ready again. Jobs are locked first, in their order, and then found by address: tens of thousands must end within one
-- statement's time.
create function leases_end(rerun boolean) returns bigint language plpgsql as $$
declare
	ended bigint;
begin
	perform count(*) from (select tenant_id, job_id from job_lease order by job_id) l
		cross join lateral (select 1 from job j where j.tenant_id = l.tenant_id
			and j.job_id = l.job_id for update) j;
	with held as materialized (
		select l.*, j.at, j.retention, j.priority, j.deaths, j.units from job_lease l
		cross join lateral (select j.ctid as at, j.retention, j.priority, j.deaths, j.units from job j
			where j.tenant_id = l.tenant_id and j.job_id = l.job_id and j.state = 'running'
			and j.fence = l.fence limit 1) j
	), freed as (
		delete from job_lease
	), back as (
		update job j set state = case when rerun then 'queued'::job_state else 'waiting' end,
			waiting_for = case when not rerun then 'review' end,
			version = j.version + 1, restarted = true,
			interruptions = j.interruptions + 1, attempt = greatest(j.attempt - 1, 0),
			rank = ready_rank(now(), j.priority)
		from held h where j.ctid = h.at returning h.*, j.state, j.waiting_for
	), told as (
		insert into attempt (retention, tenant_id, job_id, fence, worker_id, started_at, event_from,
			event_to, number, restarted, state, outcome, waiting_for, ended_by)
		select retention, tenant_id, job_id, fence, worker_id, started_at, event_from, event_to, number,
			restarted, state, 'interrupted', waiting_for, 'reaper' from back
	), heads as (
		insert into ready_head (tenant_id, queue_id)
		select distinct tenant_id, queue_id from back where rerun order by 1, 2 on conflict do nothing
	), again as (
		insert into job_ready (tenant_id, queue_id, rank, job_id, deadline_at, probation, units)
		select tenant_id, queue_id, ready_rank(now(), priority), job_id, deadline_at, deaths >= 2, units
		from back where rerun
	), later as (
		insert into job_due (tenant_id, job_id, queue_id, due_at, deadline_at, review)
		select tenant_id, job_id, queue_id, coalesce(deadline_at, 'infinity'), deadline_at, true
		from back where not rerun
	) select count(*) into ended from back;
	insert into audit (tenant_id, actor_kind, action, count, reason)
	values ('00000000-0000-0000-0000-000000000000', 'leader', 'epoch.pin', ended,
		case when rerun then 'rerun' else 'review' end);
	return ended;
end $$;

-- Which history this server is on; the first to ask after a promotion or a restore begins a new one. Fences and terms
-- start above all that any history had handed out by now, also one that began where this one did and was given up: hence
-- the clock, a thousand for each millisecond since 2026. One job is claimed less often than that, and 2^53, where other
-- languages' numbers end, is far. A clock that was set back behind the history's own beginning only lifts them above that one.
create function epoch_pin(rerun boolean default false, out system_identifier bigint, out timeline integer,
	out fence_base bigint, out fresh boolean, out history_ends_at timestamptz, out held bigint)
	language plpgsql security definer set search_path = public, pg_temp as $$
declare
	now_id bigint := (select c.system_identifier from pg_control_system() c);
	now_line int;
	last record_epoch;
	base bigint;
	ends timestamptz;
	ended bigint := 0;
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
		if last.fence_base is not null then
			base := ((extract(epoch from clock_timestamp()) * 1000)::bigint - 1767225600000) << 10;
			if base <= last.fence_base then
				base := last.fence_base + 4294967296;
			end if;
			-- The first is gone with the server's next start; beats come twice a second.
			ends := coalesce(pg_last_xact_replay_timestamp(), (select max(b.beat_at) from worker_beat b));
			ended := leases_end(rerun);
			update leader_term t set number = greatest(t.number, base) where t.one;
		end if;
		insert into record_epoch as e (fence_base, system_identifier, timeline, history_ends_at, held, reviewed)
		values (coalesce(base, 0), now_id, now_line, ends, ended, not rerun) returning e.* into last;
	end if;
	system_identifier := last.system_identifier;
	timeline := last.timeline;
	fence_base := last.fence_base;
	history_ends_at := last.history_ends_at;
	held := last.held;
end $$;
revoke all on function epoch_pin, leases_end from public;
grant execute on function epoch_pin to longhaul_worker, longhaul_scheduler;
