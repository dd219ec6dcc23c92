-- What calls used and cost: on each attempt which key and whose model answered and
-- whether its usage was counted or guessed, and sums by day that outlive the jobs.

alter table attempt
	add column key_label text,
	add column called_model text, -- the upstream's own name, where it has another
	add column fallback boolean not null default false, -- model is one of the job's fallbacks
	add column estimated boolean not null default false; -- the upstream told no usage
alter table job
	add column fallback_model text, -- that answered in the job's own model's place
	add column estimated boolean not null default false;

-- A row for each worker's share (shard), so that workers which end attempts at the
-- same moment do not wait for each other's commit. The day is the one on which the
-- attempt ended, in UTC.
create table usage_day (
	tenant_id uuid not null,
	day date not null,
	queue_id integer not null,
	upstream text not null,
	model text not null,
	shard smallint not null,
	attempts bigint not null,
	estimated bigint not null, -- of the attempts
	input_tokens bigint not null,
	output_tokens bigint not null,
	cost_nano bigint not null,
	primary key (tenant_id, day, queue_id, upstream, model, shard)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0);
alter table usage_day enable row level security;
alter table usage_day force row level security;
create policy by_tenant on usage_day
	using (tenant_id = ANY(COALESCE((SELECT string_to_array(NULLIF(current_setting('app.tenants', true), ''), ',')::uuid[]), '{}')))
	with check (tenant_id = ANY(COALESCE((SELECT string_to_array(NULLIF(current_setting('app.tenants', true), ''), ',')::uuid[]), '{}')));
create policy all_owner on usage_day for select to current_user using (true);
grant select on usage_day to longhaul_producer;
grant select, insert, update on usage_day to longhaul_worker;

-- Sums over all tenants, for operators; a tenant's own sums need no function.
create function usage_of_all(first date, beyond date) returns setof usage_day
	language sql stable security definer set search_path = public, pg_temp as
	'select * from usage_day where day >= first and day < beyond';
revoke all on function usage_of_all(date, date) from public;
grant execute on function usage_of_all(date, date) to longhaul_producer;
