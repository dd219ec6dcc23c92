-- Jobs that wait for leave to call stand in the line of what they wait for: its places in time are
-- the line's, and who takes the next is decided by rank. Null: a time of the job's own (run_at, the
-- pause before a retry).
alter table job_due add column line uuid, add column rank bigint;
create index job_due_by_line on job_due (line, rank, job_id) where line is not null;

-- A worker whose upstream may be called again has the first of a line come sooner.
grant update (due_at) on job_due to longhaul_worker;

-- What an upstream's Retry-After asked for; 0 = nothing.
alter table attempt add column retry_after_ms bigint not null default 0;
