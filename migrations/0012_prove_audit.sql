-- Audit that proves itself: rows get an order that can be read while others are
-- written, and the leader puts them into a tree (RFC 6962) whose signed roots leave
-- the database.
--
-- The order is (transaction, row). A row whose transaction is older than every one
-- that is still under way has its place for ever: nothing can come before it any
-- more. No row is ever changed for that, none is locked, and who writes waits for
-- nobody.

create sequence audit_order as bigint cache 64;
grant usage on sequence audit_order to longhaul_producer, longhaul_worker, longhaul_scheduler;

alter table audit
	add column row_id bigint not null default nextval('audit_order'),
	add column xid xid8 not null default pg_current_xact_id(),
	add column credential uuid, -- of what the actor showed: an API key, a token
	add column source uuid, -- pseudonym of the address
	add column reason text; -- a code, where the outcome has one
create index audit_by_order on audit (xid, row_id);
-- Nobody reads a tenant's rows by it, and every submit paid for it.
drop index audit_by_tenant;
-- Words of ours, never a text that somebody wrote. Rows from before are not looked at again.
alter table audit add constraint audit_words check (octet_length(action) <= 64
	and octet_length(outcome) <= 64 and octet_length(reason) <= 64 and octet_length(actor_kind) <= 16) not valid;

-- Rows that were sequenced together. leaves are the SHA-256 of each, 32 bytes a row, in order;
-- frontier is the tree's behind the last.
create table audit_batch (
	position bigint primary key, -- of the first row
	count integer not null check (count > 0),
	xid xid8 not null, -- of the last row
	row_id bigint not null,
	at timestamptz not null, -- of the latest row
	made_at timestamptz not null default now(),
	leaves bytea not null check (octet_length(leaves) = 32 * count),
	frontier bytea not null check (octet_length(frontier) % 32 = 0)
);
alter table audit_batch alter column leaves set storage external, alter column frontier set storage external;
create table audit_checkpoint (
	size bigint primary key, -- rows in the tree
	made_at timestamptz not null default now(),
	note text not null -- as it was signed
);
-- Whoever signed once stays known.
create table audit_signer (
	name text primary key, -- the public key
	since timestamptz not null default now()
);
create table audit_archive (
	size bigint primary key, -- the tree's behind it
	position bigint not null, -- of its first row
	day date not null,
	made_at timestamptz not null default now()
);

-- The leader reads all rows, to hash them; it changes none.
create policy all_longhaul_scheduler on audit for select to longhaul_scheduler using (true);
-- The owner exports.
create policy all_owner on audit for select to current_user using (true);
grant select on audit to longhaul_scheduler;
grant select, insert on audit_batch, audit_checkpoint, audit_signer, audit_archive to longhaul_scheduler;
