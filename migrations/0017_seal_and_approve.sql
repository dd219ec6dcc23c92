-- What was stored before there were keys (values of format 0) is sealed by the leader, a page at
-- a time, and refused once none is left.
--
-- The leader may not read content, and does not learn to here. Two functions of the owner give it
-- no more than it needs: one shows values that lie in clear, the other puts sealed ones in their
-- place, and in the place of nothing else. Both see the tenants that the transaction names, as
-- every statement, and neither does anything from the day on which the record is sealed.

-- Where the walk through all tenants' jobs stands.
alter table record_sealing
	add column walks bigint not null default 0, -- ended
	add column at_tenant uuid not null default '00000000-0000-0000-0000-000000000000',
	add column after_job uuid not null default '00000000-0000-0000-0000-000000000000',
	add column tenants bigint not null default 0, -- entered by this walk
	add column jobs bigint not null default 0, -- looked at by this walk
	add column found bigint not null default 0, -- values in clear that this walk met
	add column closed bigint not null default 0, -- values sealed in all
	add column found_at timestamptz not null default now(), -- when one was met last
	add column next_at timestamptz not null default now(); -- when the next walk may begin
grant update on record_sealing to longhaul_scheduler;

-- The leader walks by tenant: their ids, nothing else of them.
create policy all_longhaul_scheduler on tenant for select to longhaul_scheduler using (true);
grant select (tenant_id) on tenant to longhaul_scheduler;
-- Subjects of those days have no data key yet.
grant insert on subject_key to longhaul_scheduler;

create function is_clear(value bytea) returns boolean
	language sql immutable parallel safe
	return coalesce(substring(value from 1 for 1) = '\x00'::bytea, false);
-- The match key of those days has no format: it is just its 32 bytes.
create function is_clear_match_key(value bytea) returns boolean
	language sql immutable parallel safe
	return octet_length(value) = 32 or is_clear(value);

-- The tenant's match key, as it rests: the leader names a subject's data key by it.
create function clear_match_key(of_tenant uuid) returns bytea
	language sql stable security definer set search_path = public, pg_temp
	return (select s.match_key from tenant_setting s
		where s.tenant_id = of_tenant and (select r.sealed_at is null from record_sealing r));

-- Values in clear of these jobs, and of the tenant itself when settings are asked for: as many as
-- have most bytes, or one. key_id: its job's data key; null with subject: it has none yet.
create function clear_values(of_tenant uuid, jobs uuid[], settings boolean, most bigint)
	returns table (place text, object uuid, part bigint, key_id uuid, subject bytea, value bytea,
		rest boolean)
	language plpgsql stable security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
	low constant uuid := (select id from unnest(jobs) id order by id limit 1);
	high constant uuid := (select id from unnest(jobs) id order by id desc limit 1);
begin
	if (select r.sealed_at is not null from record_sealing r) then
		return;
	end if;
	return query
	with k as materialized (
		select u.job, u.ord, i.* from unnest(jobs) with ordinality u(job, ord)
		left join lateral (select i.key_id, i.subject, i.input, i.metadata, i.callback, i.fallback, i.trace
			from job_input i where i.tenant_id = of_tenant and i.job_id = u.job
			and i.retention = id_class(u.job) and i.job_id between low and high limit 1) i on true
	), v as (
		select 0::bigint as ord, c.place, of_tenant as object, 0::bigint as part,
			'00000000-0000-0000-0000-000000000000'::uuid as key_id, null::bytea as subject, c.value
		from tenant_setting s cross join lateral (values
			('tenant_setting.match_key', s.match_key, is_clear_match_key(s.match_key)),
			('tenant_setting.webhook_secret', s.webhook_secret, is_clear(s.webhook_secret)),
			('tenant_setting.callback_origins', s.callback_origins, is_clear(s.callback_origins)))
			c(place, value, clear)
		where settings and s.tenant_id = of_tenant and c.clear
	union all
		select k.ord, c.place, k.job, 0, k.key_id, k.subject, c.value
		from k cross join lateral (values ('job_input.input', k.input), ('job_input.subject', k.subject),
			('job_input.metadata', k.metadata), ('job_input.callback', k.callback),
			('job_input.fallback', k.fallback), ('job_input.trace', k.trace)) c(place, value)
		where is_clear(c.value)
	union all
		select k.ord, 'job_result.body', k.job, 0, k.key_id, k.subject, r.body
		from k cross join lateral (select r.body from job_result r where r.tenant_id = of_tenant
			and r.job_id = k.job and r.retention = id_class(k.job) and r.job_id between low and high) r
		where is_clear(r.body)
	union all
		select k.ord, 'attempt.message', k.job, a.fence, k.key_id, k.subject, a.message
		from k cross join lateral (select a.fence, a.message from attempt a where a.tenant_id = of_tenant
			and a.job_id = k.job and a.retention = id_class(k.job) and a.job_id between low and high) a
		where is_clear(a.message)
	union all
		select k.ord, 'job_event.text', k.job, e.seq_from, k.key_id, k.subject, e.text
		from k cross join lateral (select e.seq_from, e.text from job_event e where e.tenant_id = of_tenant
			and e.job_id = k.job and e.retention = id_class(k.job) and e.job_id between low and high) e
		where is_clear(e.text)
	), n as (
		select v.*, row_number() over w as number, sum(octet_length(v.value)) over w as upto,
			sum(octet_length(v.value)) over () > most and count(*) over () > 1 as rest
		from v window w as (order by v.ord, v.place, v.part rows unbounded preceding)
	)
	select n.place, n.object, n.part, n.key_id, n.subject, n.value, n.rest
	from n where n.upto <= most or n.number = 1 order by n.number;
end $$;

-- What a column keeps: whoever changed it meanwhile wins.
create function sealed_instead(was bytea, sealed bytea) returns bytea
	language sql immutable parallel safe
	return case when is_clear(was) and sealed is not null then sealed else was end;

-- Sealed values, each for its place; was: the settings' own, which may be changed while they are
-- sealed. A job's row takes the key's id together with its values.
create function seal_values(of_tenant uuid, places text[], objects uuid[], parts bigint[],
	keys uuid[], was bytea[], sealed bytea[]) returns void
	language plpgsql security definer set search_path = public, pg_temp as $$
declare
	low constant uuid := (select id from unnest(objects) id order by id limit 1);
	high constant uuid := (select id from unnest(objects) id order by id desc limit 1);
begin
	if (select r.sealed_at is not null from record_sealing r) then
		return;
	end if;
	if exists (select from unnest(sealed) s where substring(s from 1 for 1) is distinct from '\x01'::bytea) then
		raise exception 'a value is not sealed' using errcode = 'check_violation';
	end if;
	update tenant_setting s set match_key = v.value from unnest(places, was, sealed) v(place, was, value)
	where s.tenant_id = of_tenant and v.place = 'tenant_setting.match_key' and s.match_key = v.was;
	update tenant_setting s set webhook_secret = v.value from unnest(places, was, sealed) v(place, was, value)
	where s.tenant_id = of_tenant and v.place = 'tenant_setting.webhook_secret' and s.webhook_secret = v.was;
	update tenant_setting s set callback_origins = v.value from unnest(places, was, sealed) v(place, was, value)
	where s.tenant_id = of_tenant and v.place = 'tenant_setting.callback_origins' and s.callback_origins = v.was;
	with v as materialized (
		select u.job, (array_agg(u.key))[1] as key,
			(array_agg(u.value) filter (where u.place = 'job_input.input'))[1] as input,
			(array_agg(u.value) filter (where u.place = 'job_input.subject'))[1] as subject,
			(array_agg(u.value) filter (where u.place = 'job_input.metadata'))[1] as metadata,
			(array_agg(u.value) filter (where u.place = 'job_input.callback'))[1] as callback,
			(array_agg(u.value) filter (where u.place = 'job_input.fallback'))[1] as fallback,
			(array_agg(u.value) filter (where u.place = 'job_input.trace'))[1] as trace
		from unnest(places, objects, keys, sealed) u(place, job, key, value)
		where u.place like 'job\_input.%' group by u.job order by u.job
	)
	update job_input i set input = sealed_instead(i.input, v.input),
		subject = sealed_instead(i.subject, v.subject), metadata = sealed_instead(i.metadata, v.metadata),
		callback = sealed_instead(i.callback, v.callback), fallback = sealed_instead(i.fallback, v.fallback),
		trace = sealed_instead(i.trace, v.trace), key_id = v.key
	from v where i.tenant_id = of_tenant and i.job_id = v.job and i.retention = id_class(v.job)
		and i.job_id between low and high and coalesce(i.key_id, v.key) = v.key;
	update job_result r set body = v.value
	from unnest(places, objects, sealed) v(place, job, value)
	where v.place = 'job_result.body' and r.tenant_id = of_tenant and r.job_id = v.job
		and r.retention = id_class(v.job) and r.job_id between low and high and is_clear(r.body);
	update attempt a set message = v.value
	from unnest(places, objects, parts, sealed) v(place, job, part, value)
	where v.place = 'attempt.message' and a.tenant_id = of_tenant and a.job_id = v.job
		and a.fence = v.part and a.retention = id_class(v.job) and a.job_id between low and high
		and is_clear(a.message);
	update job_event e set text = v.value
	from unnest(places, objects, parts, sealed) v(place, job, part, value)
	where v.place = 'job_event.text' and e.tenant_id = of_tenant and e.job_id = v.job
		and e.seq_from = v.part and e.retention = id_class(v.job) and e.job_id between low and high
		and is_clear(e.text);
end $$;

revoke all on function clear_match_key, clear_values, seal_values from public;
grant execute on function clear_match_key, clear_values, seal_values to longhaul_scheduler;

-- ---- copies of keys in escrow ----

-- When the copies of an epoch's key must be gone: it is of use for as long as backups are.
alter table key_epoch add column escrow_until timestamptz;

-- ---- two people ----

-- Where the tenant asks for it, changes of its roles, users and keys wait for a second person.
alter table tenant add column two_people boolean not null default false;

-- One asks for a call, another approves of it, the first makes it. digest: keyed, of the call as it
-- was asked for; call: the same to be read, sealed by the tenant's own key.
create table approval (
	tenant_id uuid not null,
	approval_id uuid not null,
	action text not null check (octet_length(action) <= 64),
	digest uuid not null,
	asked_by uuid not null, -- a principal
	asked_credential uuid not null,
	asked_for_user boolean not null, -- it is a user; else a key
	asked_at timestamptz not null default now(),
	expires_at timestamptz not null,
	state text not null default 'pending' check (state in ('pending', 'approved', 'refused', 'used')),
	decided_by uuid,
	decided_for_user boolean,
	decided_at timestamptz,
	call bytea not null,
	primary key (tenant_id, approval_id),
	check (decided_by is null or state = 'refused' or decided_by <> asked_by)
) with (fillfactor = 80);
create index approval_open on approval (tenant_id, digest) where state in ('pending', 'approved');

do $$
declare
	own constant text := (select pg_get_expr(polqual, polrelid) from pg_policy
		where polrelid = 'tenant'::regclass and polname = 'by_tenant');
begin
	alter table approval enable row level security;
	alter table approval force row level security;
	execute format('create policy by_tenant on approval using (%s) with check (%s)', own, own);
end $$;
grant select, insert, update, delete on approval to longhaul_producer;
