-- A job by its key is looked up in nearly every statement. While the planner knows nothing of the table yet (a fresh
-- installation, a first minute), two indexes that begin with the tenant looked equally good to it, and it took the
-- later one: a walk through all jobs of the tenant. A partial index does not answer that question.
drop index job_by_principal;
create index job_by_principal on job (tenant_id, principal, job_id) where principal is not null;
