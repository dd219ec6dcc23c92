-- The record: who may come (roles, tenants, keys), what there is to do (queues,
-- jobs), who does it (workers, leases), what came of it (results, history).
--
-- Tables lie apart by how often they are written. job is narrow and carries no
-- index on anything that changes with its state; what may run, waits or runs is a
-- row in job_ready, job_due or job_lease. Whatever is only ever inserted is
-- partitioned by retention class and by the day in the job's id.

-- ---- roles: they own nothing, and row security binds them ----
do $$
declare
	program text;
begin
	foreach program in array array['longhaul_producer', 'longhaul_worker', 'longhaul_scheduler'] loop
		begin
			if not exists (select from pg_roles where rolname = program) then
				execute format('create role %I login', program);
			end if;
		exception when duplicate_object or unique_violation then
			null; -- another database's migration made it just now
		end;
		execute format('grant connect on database %I to %I', current_database(), program);
		execute format('grant usage on schema public to %I', program);
	end loop;
end $$;
revoke all on schema public from public;

-- ---- small words ----
create type job_state as enum
	('queued', 'waiting', 'running', 'completed', 'failed', 'cancelled', 'expired');

-- The lowest id of a moment: where a day's partition begins.
create function id_floor(at timestamptz) returns uuid
	language sql immutable strict parallel safe
	return (rpad(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0'))::uuid;

-- A UUIDv7, for rows that Postgres itself gives birth to.
create function id_make() returns uuid
	language sql volatile parallel safe
	return encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
		placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
		from 1 for 6), 52, 1), 53, 1), 'hex')::uuid;

-- A ready row's place in line: one level of priority is worth thirty seconds of age.
create function ready_rank(at timestamptz, priority smallint) returns bigint
	language sql immutable strict parallel safe
	return (extract(epoch from at) * 1000)::bigint + priority * 30000::bigint;

-- ---- which history the fences belong to ----
create table record_epoch (
	fence_base bigint primary key,
	system_identifier bigint not null, -- the 64 bits, read as signed
	timeline integer not null,
	made_at timestamptz not null default now()
);

-- ---- who may come ----
create table tenant (
	tenant_id uuid primary key,
	name text not null unique,
	created_at timestamptz not null default now(),
	retention smallint not null default 2 check (retention between 0 and 4),
	version bigint not null default 1
);
create table tenant_setting (
	tenant_id uuid primary key,
	match_key bytea not null check (octet_length(match_key) = 32),
	webhook_secret bytea,
	callback_origins bytea
);
create table api_key (
	tenant_id uuid not null,
	key_id uuid not null,
	hash bytea not null unique check (octet_length(hash) = 32),
	name text not null default '',
	operator boolean not null default false,
	created_at timestamptz not null default now(),
	revoked_at timestamptz,
	last_used_at timestamptz,
	primary key (tenant_id, key_id)
) with (fillfactor = 60);
create unique index api_key_by_id on api_key (key_id);

-- ---- queues: the installation's, not a tenant's ----
create table queue (
	queue_id integer generated always as identity primary key,
	name text not null unique check (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
	concurrency integer not null default 0 check (concurrency >= 0),
	max_queued bigint not null default 0 check (max_queued >= 0),
	weight integer not null default 1 check (weight between 1 and 1000),
	rate double precision not null default 0 check (rate >= 0),
	paused boolean not null default false,
	draining boolean not null default false,
	created_at timestamptz not null default now(),
	version bigint not null default 1
);
create table queue_flow (
	queue_id integer primary key,
	queued bigint not null default 0,
	waiting bigint not null default 0,
	running bigint not null default 0,
	oldest_at timestamptz,
	counted_at timestamptz,
	free_slots bigint not null default 0,
	allot bigint not null default 0,
	allot_epoch bigint not null default 0
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
insert into queue (name) values ('default');
insert into queue_flow (queue_id) select queue_id from queue;

-- ---- jobs: facts and state ----
create table job (
	tenant_id uuid not null,
	job_id uuid not null,
	principal uuid,
	worker_id uuid, -- who holds it; kept after the end until the next claim
	fence bigint not null default 0,
	event_next bigint not null default 2,
	version bigint not null default 1,
	rank bigint, -- its ready row's place
	created_at timestamptz not null,
	run_at timestamptz,
	deadline_at timestamptz,
	started_at timestamptz,
	finished_at timestamptz,
	input_tokens bigint not null default 0,
	output_tokens bigint not null default 0,
	cost_nano bigint not null default 0,
	progress_tokens bigint not null default 0,
	queue_id integer not null,
	deadline_s integer not null default 0,
	attempt_timeout_ms integer not null default 0,
	accept_ms integer not null default -1,
	queue_ms integer not null default -1,
	admit_ms integer not null default -1,
	first_byte_ms integer not null default -1,
	stream_ms integer not null default -1,
	finish_ms integer not null default -1,
	state job_state not null,
	attempt smallint not null default 0,
	max_attempts smallint not null,
	crashes smallint not null default 0,
	deaths smallint not null default 0, -- worker deaths nobody was blamed for
	interruptions smallint not null default 0,
	priority smallint not null check (priority between 0 and 9),
	retention smallint not null,
	callback_events smallint not null default 0,
	progress_percent smallint not null default -1,
	store boolean not null default true,
	restarted boolean not null default false, -- the last attempt was ended by the reaper
	dead boolean not null default false,
	kind text not null,
	waiting_for text,
	error_code text,
	model text,
	upstream text,
	progress_stage text,
	primary key (tenant_id, job_id)
) with (fillfactor = 55, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

create table job_ready (
	tenant_id uuid not null,
	queue_id integer not null,
	rank bigint not null,
	job_id uuid not null,
	batch_id uuid, -- on its way through Kafka; deliberately unindexed
	deadline_at timestamptz,
	ready_at timestamptz not null default now(),
	probation boolean not null default false,
	primary key (tenant_id, queue_id, rank, job_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
	autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.2);
create index job_ready_deadline on job_ready (deadline_at) where deadline_at is not null;

create table ready_head (
	tenant_id uuid not null,
	queue_id integer not null,
	blocked boolean not null default false,
	empty_since timestamptz, -- the leader found it empty then
	primary key (tenant_id, queue_id)
) with (fillfactor = 60);
create index ready_head_by_queue on ready_head (queue_id, tenant_id);

create table job_due (
	tenant_id uuid not null,
	job_id uuid not null,
	queue_id integer not null,
	due_at timestamptz not null,
	deadline_at timestamptz,
	primary key (tenant_id, job_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
	autovacuum_vacuum_cost_delay = 0);
create index job_due_by_time on job_due (due_at);

create table job_lease (
	worker_id uuid not null,
	tenant_id uuid not null,
	job_id uuid not null,
	fence bigint not null,
	event_from bigint not null,
	event_to bigint not null,
	started_at timestamptz not null default now(),
	deadline_at timestamptz,
	queue_id integer not null,
	number smallint not null,
	restarted boolean not null default false,
	probation boolean not null default false,
	primary key (worker_id, tenant_id, job_id)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
	autovacuum_vacuum_cost_delay = 0);

-- ---- insert-only: by retention class, then by day ----
create table job_input (
	retention smallint not null,
	tenant_id uuid not null,
	job_id uuid not null,
	input bytea,
	subject bytea,
	metadata bytea,
	callback bytea,
	fallback bytea,
	trace bytea,
	primary key (tenant_id, job_id, retention)
) partition by list (retention);
create table job_match (
	retention smallint not null,
	tenant_id uuid not null,
	hash bytea not null,
	job_id uuid not null,
	primary key (tenant_id, hash, job_id, retention)
) partition by list (retention);
create table job_result (
	retention smallint not null,
	tenant_id uuid not null,
	job_id uuid not null,
	fence bigint not null,
	decision_id uuid not null,
	created_at timestamptz not null default now(),
	upstream_status integer,
	body bytea,
	primary key (tenant_id, job_id, retention)
) partition by list (retention);
create table job_event (
	retention smallint not null,
	tenant_id uuid not null,
	job_id uuid not null,
	seq_from bigint not null,
	count integer not null check (count > 0),
	fence bigint not null,
	at timestamptz not null default now(),
	kind text not null,
	attempt smallint not null default 0,
	detail text,
	lengths bytea,
	text bytea,
	primary key (tenant_id, job_id, seq_from, retention)
) partition by list (retention);
create table attempt (
	retention smallint not null,
	tenant_id uuid not null,
	job_id uuid not null,
	fence bigint not null,
	worker_id uuid not null,
	started_at timestamptz not null,
	ended_at timestamptz not null default now(),
	event_from bigint not null,
	event_to bigint not null,
	input_tokens bigint not null default 0,
	output_tokens bigint not null default 0,
	cost_nano bigint not null default 0,
	upstream_status integer,
	admit_ms integer not null default -1,
	first_byte_ms integer not null default -1,
	stream_ms integer not null default -1,
	finish_ms integer not null default -1,
	number smallint not null,
	restarted boolean not null,
	state job_state not null, -- what the job became
	outcome text not null,
	waiting_for text,
	ended_by text not null,
	upstream text,
	model text,
	message bytea,
	primary key (tenant_id, job_id, fence, retention)
) partition by list (retention);
create table job_done (
	retention smallint not null,
	tenant_id uuid not null,
	job_id uuid not null,
	fence bigint not null,
	event_seq bigint not null,
	finished_at timestamptz not null default now(),
	queue_id integer not null,
	state job_state not null,
	error_code text,
	primary key (tenant_id, state, job_id, event_seq, retention)
) partition by list (retention);
create table audit (
	tenant_id uuid not null,
	at timestamptz not null default now(),
	actor uuid,
	object uuid,
	request uuid,
	count integer not null default 1,
	actor_kind text not null,
	action text not null,
	outcome text not null default 'ok'
) partition by range (at);
create index audit_by_tenant on audit (tenant_id, at);

-- ---- keys that callers chose, for a day ----
create table idempotency (
	tenant_id uuid not null,
	principal uuid not null,
	key_hash bytea not null,
	body_hash bytea not null,
	job_id uuid not null,
	expires_at timestamptz not null,
	primary key (tenant_id, principal, key_hash)
);
create index idempotency_by_time on idempotency (expires_at);

-- ---- the outbox ----
create table delivery (
	tenant_id uuid not null,
	delivery_id uuid not null,
	job_id uuid not null,
	worker_id uuid,
	fence bigint not null default 0,
	created_at timestamptz not null default now(),
	due_at timestamptz default now(), -- null: nothing more to do
	queue_id integer not null,
	retention smallint not null,
	attempt smallint not null default 0,
	state text not null default 'due' check (state in ('due', 'sending', 'delivered', 'given_up')),
	job_state job_state not null,
	primary key (tenant_id, delivery_id)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05);
create index delivery_by_time on delivery (due_at) where due_at is not null;
create index delivery_by_job on delivery (tenant_id, job_id);
create table delivery_attempt (
	tenant_id uuid not null,
	delivery_id uuid not null,
	attempt smallint not null,
	fence bigint not null,
	at timestamptz not null default now(),
	next_at timestamptz,
	latency_ms integer not null,
	status integer not null,
	error_code text not null,
	address text not null,
	primary key (tenant_id, delivery_id, attempt, fence)
);

-- ---- who does it ----
create table worker (
	worker_id uuid primary key,
	lock_key bigint not null,
	started_at timestamptz not null default now(),
	gone_at timestamptz,
	lease_ms integer not null,
	pid integer not null,
	slots integer not null,
	drain boolean not null default false,
	gone text check (gone in ('left', 'dead')),
	host text not null,
	version text not null
);
create index worker_present on worker (worker_id) where gone is null;
create table worker_beat (
	worker_id uuid primary key,
	beat_at timestamptz not null,
	slots_free integer not null,
	draining boolean not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
	autovacuum_vacuum_cost_delay = 0);
create table worker_notice (
	worker_id uuid not null,
	tenant_id uuid not null,
	job_id uuid not null,
	fence bigint not null,
	primary key (worker_id, tenant_id, job_id, fence)
);
create table worker_grant (
	worker_id uuid not null,
	queue_id integer not null,
	slots integer not null,
	primary key (worker_id, queue_id)
) with (fillfactor = 50);
create table worker_crash (
	worker_id uuid not null,
	tenant_id uuid not null,
	job_id uuid not null,
	fence bigint not null,
	reported_at timestamptz not null default now(),
	applied boolean not null default false,
	primary key (worker_id, tenant_id, job_id, fence)
);

-- ---- who leads, and what it has sent ----
create table leader_term (
	one boolean primary key default true check (one),
	number bigint not null,
	leader uuid,
	until timestamptz not null
) with (fillfactor = 50);
insert into leader_term (number, until) values (0, '-infinity');
create table dispatch_batch (
	batch_id uuid primary key,
	created_at timestamptz not null default now(),
	sent_at timestamptz,
	log_offset bigint not null default -1,
	queue_id integer not null,
	partition integer not null default -1,
	topic text,
	tenant_ids uuid[] not null,
	ranks bigint[] not null,
	job_ids uuid[] not null
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0);
