-- What an attempt used whose worker died is estimated as the leader returns its job, from what the
-- record has of it. And days of audit rows go when they have been kept for long enough.

-- Lengths of what the leader must not read: inputs, and texts with a number from first to last. In
-- the order of the arguments; 0 where there is none, or of a tenant that app.tenants does not name:
-- the owner sees no more than the transaction may. The bounds let the planner leave out partitions.
create function attempts_weigh(tenants uuid[], jobs uuid[], firsts bigint[], lasts bigint[],
	out inputs bigint[], out outputs bigint[])
	language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
	low constant uuid := (select id from unnest(jobs) id order by id limit 1);
	high constant uuid := (select id from unnest(jobs) id order by id desc limit 1);
begin
	select array_agg(coalesce(i.bytes, 0) order by k.ord), array_agg(e.bytes order by k.ord)
	into inputs, outputs
	from unnest(tenants, jobs, firsts, lasts) with ordinality k(tenant, job, first, last, ord)
	left join lateral (select octet_length(i.input)::bigint as bytes from job_input i
		where i.tenant_id = k.tenant and i.job_id = k.job and i.retention = id_class(k.job)
		and i.job_id between low and high limit 1) i on true
	cross join lateral (select coalesce(sum(octet_length(e.text)), 0)::bigint as bytes
		from job_event e where e.tenant_id = k.tenant and e.job_id = k.job
		and e.retention = id_class(k.job) and e.seq_from between k.first and k.last
		and e.job_id between low and high) e;
end $$;
revoke all on function attempts_weigh from public;
grant execute on function attempts_weigh to longhaul_scheduler;
grant insert (model, input_tokens, output_tokens, estimated) on attempt to longhaul_scheduler;
grant select, insert, update on usage_day to longhaul_scheduler;

-- One call drops four days at most; called like partition_keep, and under its lock.
create function audit_drop(kept_days int) returns bigint
	language plpgsql security definer
	set search_path = public, pg_temp set lock_timeout = '1s' set timezone = 'UTC' as $$
declare
	name text;
	dropped bigint := 0;
begin
	if kept_days < 1 or not pg_try_advisory_xact_lock(720713001) then
		return 0;
	end if;
	for name in
		select relname from pg_class where relname ~ '^audit_\d{8}$' and relkind = 'r'
			and right(relname, 8)::date + kept_days < current_date
		order by 1 limit 4
	loop
		execute format('drop table %I', name);
		dropped := dropped + 1;
	end loop;
	return dropped;
end $$;
revoke all on function audit_drop from public;
grant execute on function audit_drop to longhaul_scheduler;
