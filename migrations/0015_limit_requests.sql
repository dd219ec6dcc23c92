-- How many requests may come: limits stand in plans, and a tenant has one of them.
--
-- Plans belong to the installation, as queues do. The plan `default` holds for tenants
-- that have none, and wherever a tenant's plan says nothing of a level. What it does not
-- say either, the configuration says (request_limits).

create table limit_plan (
	limit_id uuid not null default id_make(), -- what audit rows name
	plan text collate "C" not null check (plan ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
	level text not null check (level in ('global', 'tenant', 'role', 'ip', 'user')),
	role text collate "C" not null default '' check ((level = 'role') = (role <> '')),
	requests bigint not null check (requests >= 0), -- 0 = free, whatever is said elsewhere
	window_s integer not null check (window_s between 1 and 86400),
	burst bigint not null check (burst between 1 and greatest(requests, 1)),
	primary key (plan, level, role),
	check (level <> 'global' or plan = 'default')
);

-- A tenant that had a plan once keeps its row, without one: producers read the rows that
-- changed since the oldest transaction they had not seen ended (access_version tells why).
create table tenant_plan (
	tenant_id uuid primary key,
	plan text collate "C" check (plan ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
	changed_by bigint not null default pg_current_xact_id()::text::bigint
);
create index tenant_plan_by_change on tenant_plan (changed_by, tenant_id);
create index tenant_plan_by_plan on tenant_plan (plan, tenant_id);

do $$
declare
	own constant text := (select pg_get_expr(polqual, polrelid) from pg_policy
		where polrelid = 'tenant'::regclass and polname = 'by_tenant');
begin
	alter table tenant_plan enable row level security;
	alter table tenant_plan force row level security;
	execute format('create policy by_tenant on tenant_plan using (%s) with check (%s)', own, own);
end $$;
-- Ids and names of plans: which tenant has which, whoever they are.
create policy all_longhaul_producer on tenant_plan for select to longhaul_producer using (true);

grant select, insert, update, delete on limit_plan, tenant_plan to longhaul_producer;
