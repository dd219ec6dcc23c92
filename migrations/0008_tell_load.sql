-- What operators look at: how much each worker holds, and each tenant has.

-- Told by the worker with each beat, for people: nothing is decided by it.
alter table worker_beat
	add column calls integer not null default 0, -- to models, under way
	add column ended bigint not null default 0, -- attempts that ended since it started
	add column memory_bytes bigint not null default 0,
	add column memory_target_bytes bigint not null default 0;

-- Counts across tenants, for the operators' calls: ids and numbers, no rows. Producers see only the
-- tenants they name, so these run as the owner.
create function worker_running(worker uuid) returns bigint language sql stable security definer
	set search_path = public, pg_temp as $$
	select count(*) from job_lease l where l.worker_id = worker
$$;

-- queued and waiting are counted up to most: a deep backlog must not be walked through for a look.
create function tenant_loads(tenants uuid[], most int)
	returns table (tenant_id uuid, queued bigint, waiting bigint, running bigint)
	language sql stable security definer set search_path = public, pg_temp as $$
	with r as (select l.tenant_id, count(*) as n from job_lease l where l.tenant_id = any (tenants)
		group by l.tenant_id)
	select k.id,
		(select count(*) from (select from job_ready j where j.tenant_id = k.id limit most) c),
		(select count(*) from (select from job_due d where d.tenant_id = k.id limit most) c),
		coalesce(r.n, 0)
	from unnest(tenants) k(id) left join r on r.tenant_id = k.id
$$;

revoke all on function worker_running, tenant_loads from public;
grant execute on function worker_running, tenant_loads to longhaul_producer;
