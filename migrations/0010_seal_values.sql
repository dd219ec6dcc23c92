-- Keys of what is sealed. A data key for each subject of a tenant, wrapped by the key of an
-- epoch; the epochs, of which only marks stand here; and who has loaded which of them.

-- key_id: the first half of the subject's keyed hash; zero = the tenant's own key.
-- wrapped: version, epoch, nonce, key, tag (core/domain/sealed.h). A row that goes takes with it
-- whatever its key sealed, wherever that lies.
create table subject_key (
	tenant_id uuid not null,
	key_id uuid not null,
	epoch integer not null, -- as wrapped has it
	wrapped bytea not null check (octet_length(wrapped) = 80),
	made_at timestamptz not null default now(),
	primary key (tenant_id, key_id)
) with (fillfactor = 90);

-- Which key its values are sealed by; null: they are clear, from before there were keys.
alter table job_input add column key_id uuid;
-- It is sealed as well now.
alter table tenant_setting drop constraint tenant_setting_match_key_check;

create table key_epoch (
	epoch integer primary key check (epoch > 0),
	mark bytea not null check (octet_length(mark) = 16), -- tells the key from another
	state text not null default 'made' check (state in ('made', 'active', 'retired', 'destroyed')),
	made_at timestamptz not null default now(),
	active_at timestamptz,
	retired_at timestamptz,
	destroyed_at timestamptz
);
create unique index key_epoch_active on key_epoch (state) where state = 'active';

-- Every process that seals or opens says every few seconds that it is there, and what it holds.
create table process (
	process_id uuid primary key,
	started_at timestamptz not null default now(),
	seen_at timestamptz not null default now(),
	pid integer not null,
	program text not null,
	host text not null,
	epochs integer[] not null
) with (fillfactor = 50);

-- Since when no value of format 0 is left: from then on none is read.
create table record_sealing (
	one boolean primary key default true check (one),
	sealed_at timestamptz
);
insert into record_sealing (sealed_at) select now() where not exists (select from tenant);
insert into record_sealing (sealed_at) select null on conflict do nothing;

do $$
declare
	own constant text := (select pg_get_expr(polqual, polrelid) from pg_policy
		where polrelid = 'tenant'::regclass and polname = 'by_tenant');
begin
	alter table subject_key enable row level security;
	alter table subject_key force row level security;
	execute format('create policy by_tenant on subject_key using (%s) with check (%s)', own, own);
end $$;
-- The leader wraps keys anew: it sees all of them, and none of what they seal.
create policy all_longhaul_scheduler on subject_key to longhaul_scheduler using (true) with check (true);
create policy all_owner on subject_key for select to current_user using (true);

grant select, insert, delete on subject_key to longhaul_producer;
grant select on subject_key to longhaul_worker;
grant select, update (epoch, wrapped) on subject_key to longhaul_scheduler;
grant select on key_epoch, record_sealing to longhaul_producer, longhaul_worker, longhaul_scheduler;
grant select, insert, update on process to longhaul_producer, longhaul_worker, longhaul_scheduler;
grant delete on process to longhaul_scheduler;
