-- A day's tables are filled from nothing, so autovacuum's shares of what is there come due at each of its rounds: on a busy
-- machine half a second of processor at once, and after each of them every session plans its statements over the table
-- anew. What is only ever inserted has nothing to be cleaned, and statements that find rows by key need no fresh statistics.
create function partition_calm(name text) returns void language plpgsql as $$
begin
	execute format('alter table %I set (autovacuum_analyze_scale_factor = 1, autovacuum_analyze_threshold = 100000,'
		' autovacuum_vacuum_insert_scale_factor = 1, autovacuum_vacuum_insert_threshold = 100000)', name);
end $$;
revoke all on function partition_calm from public;

create or replace function partition_make(parent text, day date, low text, high text) returns int
	language plpgsql as $$
declare
	name constant text := parent || '_' || to_char(day, 'YYYYMMDD');
begin
	if to_regclass(name) is not null then
		return 0;
	end if;
	execute format('create table %I (like %I including all)', name, parent);
	perform partition_shut(name);
	perform partition_calm(name);
	execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, name, low, high);
	return 1;
exception when check_violation then
	-- The net holds rows of that day already: they stay there.
	execute format('drop table if exists %I', name);
	return 0;
end $$;

-- The days that there are. ALTER TABLE waits for nobody's reading and holds nobody's writing, but for autovacuum's.
select partition_calm(relname) from pg_class
where relkind = 'r' and relname ~ '^(job_input|job_match|job_result|job_event|attempt|job_done|audit)(_r[0-4])?_\d{8}$'
order by relname;

-- Found by key too, and changed three times for each job.
alter table job set (autovacuum_analyze_scale_factor = 0.5, autovacuum_analyze_threshold = 50000);
-- Work that comes and goes: how much there was at one moment says nothing of the next.
alter table job_ready set (autovacuum_analyze_scale_factor = 1, autovacuum_analyze_threshold = 50000);
alter table job_due set (autovacuum_analyze_scale_factor = 1, autovacuum_analyze_threshold = 50000);
alter table job_lease set (autovacuum_analyze_scale_factor = 1, autovacuum_analyze_threshold = 50000);
