-- A claim asks whether its worker already runs a job on probation: by the worker's leases that was a walk through all
-- that it holds, thousands of rows for each claim of a busy worker. Hardly any lease is in this index.
create index job_lease_on_probation on job_lease (worker_id) where probation;
