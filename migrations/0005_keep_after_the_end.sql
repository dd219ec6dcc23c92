-- A day is kept for its class's days after the last of its jobs ended, not after its jobs were made:
-- a job that was scheduled far ahead, or tried for long, would lose its result, and the callback
-- that tells of it, within a minute of its end.

create or replace function partition_drop(class int, day date) returns int language plpgsql as $$
declare
	low constant uuid := id_floor(day::timestamp at time zone 'UTC');
	high constant uuid := id_floor((day + 1)::timestamp at time zone 'UTC');
	kept constant interval := make_interval(days => (array[1, 7, 30, 90, 400])[class + 1]);
	parent text;
begin
	if exists (select from job_ready where job_id >= low and job_id < high and id_class(job_id) = class)
		or exists (select from job_due where job_id >= low and job_id < high and id_class(job_id) = class)
		or exists (select from job_lease where job_id >= low and job_id < high and id_class(job_id) = class)
		or exists (select from job_done where retention = class and job_id >= low and job_id < high
			and finished_at > now() - kept) then
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
