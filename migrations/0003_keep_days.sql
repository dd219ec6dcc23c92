-- Days of history: made ahead, dropped whole.
--
-- A class's table is partitioned by the day in the job's id; its DEFAULT
-- partition is a net that should stay empty. Days are attached rather than
-- created in place, so that inserts go on meanwhile.

do $$
declare
	parent text;
	class int;
begin
	foreach parent in array array['job_input', 'job_match', 'job_result', 'job_event', 'attempt', 'job_done'] loop
		for class in 0..4 loop
			execute format('create table %I partition of %I for values in (%s) partition by range (job_id)',
				parent || '_r' || class, parent, class);
			execute format('create table %I partition of %I default',
				parent || '_r' || class || '_rest', parent || '_r' || class);
		end loop;
	end loop;
	create table audit_rest partition of audit default;
end $$;

-- A partition is reached through its parent only.
create function partition_shut(name text) returns void language plpgsql as $$
begin
	execute format('alter table %I enable row level security', name);
	execute format('alter table %I force row level security', name);
end $$;
select partition_shut(inhrelid::regclass::text)
from pg_inherits
where inhparent::regclass::text ~ '^(job_input|job_match|job_result|job_event|attempt|job_done|audit)(_r[0-4])?$';

create function partition_make(parent text, day date, low text, high text) returns int
	language plpgsql as $$
declare
	name constant text := parent || '_' || to_char(day, 'YYYYMMDD');
begin
	if to_regclass(name) is not null then
		return 0;
	end if;
	execute format('create table %I (like %I including all)', name, parent);
	perform partition_shut(name);
	execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, name, low, high);
	return 1;
exception when check_violation then
	-- The net holds rows of that day already: they stay there.
	execute format('drop table if exists %I', name);
	return 0;
end $$;

-- The retention class in a job's id: the three bits after the version nibble.
create function id_class(id uuid) returns int
	language sql immutable strict parallel safe
	return (get_byte(uuid_send(id), 6) & 14) >> 1;

-- Drops one day of one class, jobs and deliveries with it, unless one of its jobs is still alive.
create function partition_drop(class int, day date) returns int language plpgsql as $$
declare
	low constant uuid := id_floor(day::timestamp at time zone 'UTC');
	high constant uuid := id_floor((day + 1)::timestamp at time zone 'UTC');
	parent text;
begin
	if exists (select from job_ready where job_id >= low and job_id < high and id_class(job_id) = class)
		or exists (select from job_due where job_id >= low and job_id < high and id_class(job_id) = class)
		or exists (select from job_lease where job_id >= low and job_id < high and id_class(job_id) = class) then
		return 0;
	end if;
	delete from delivery_attempt a using delivery d
	where d.retention = class and d.job_id >= low and d.job_id < high
		and a.tenant_id = d.tenant_id and a.delivery_id = d.delivery_id;
	delete from delivery where retention = class and job_id >= low and job_id < high;
	delete from job j using job_done d
	where d.retention = class and d.job_id >= low and d.job_id < high
		and j.tenant_id = d.tenant_id and j.job_id = d.job_id;
	foreach parent in array array['job_input', 'job_match', 'job_result', 'job_event', 'attempt', 'job_done'] loop
		execute format('drop table if exists %I', parent || '_r' || class || '_' || to_char(day, 'YYYYMMDD'));
	end loop;
	return 1;
end $$;

-- The one function of the owner that a program may call. One call does a bounded piece of work.
create function partition_keep(days_ahead int, out made bigint, out dropped bigint, out astray bigint)
	language plpgsql security definer
	set search_path = public, pg_temp set lock_timeout = '1s' set timezone = 'UTC' as $$
declare
	days constant int[] := array[1, 7, 30, 90, 400];
	parent text;
	day date;
	class int;
	held bigint;
begin
	made := 0; dropped := 0; astray := 0;
	if days_ahead not between 1 and 60 or not pg_try_advisory_xact_lock(720713001) then
		return;
	end if;
	for day in select generate_series(current_date - 1, current_date + days_ahead, '1 day')::date loop
		foreach parent in array array['job_input', 'job_match', 'job_result', 'job_event', 'attempt', 'job_done'] loop
			for class in 0..4 loop
				made := made + partition_make(parent || '_r' || class, day,
					id_floor(day::timestamptz)::text, id_floor((day + 1)::timestamptz)::text);
			end loop;
		end loop;
		made := made + partition_make('audit', day, day::timestamptz::text, (day + 1)::timestamptz::text);
	end loop;
	for class, day in
		select substring(relname from '_r(\d)_')::int, right(relname, 8)::date
		from pg_class where relname ~ '^job_done_r[0-4]_\d{8}$' and relkind = 'r'
		order by 2
	loop
		if day + days[class + 1] + 1 < current_date and dropped < 4 then
			dropped := dropped + partition_drop(class, day);
		end if;
	end loop;
	foreach parent in array array['job_input', 'job_match', 'job_result', 'job_event', 'attempt', 'job_done'] loop
		for class in 0..4 loop
			select reltuples into held from pg_class where relname = parent || '_r' || class || '_rest';
			astray := astray + greatest(held, 0);
		end loop;
	end loop;
end $$;
revoke all on function partition_keep, partition_make, partition_drop, partition_shut from public;
grant execute on function partition_keep to longhaul_scheduler;
select partition_keep(3);
