-- Who may come: keys that sign tokens, issuers of others, what is believed no longer, refresh tokens.

-- Moved by every change that a process must hear of within seconds. Its row's lock makes the numbers
-- those of the commits: who has seen one has seen all before it.
create table access_sequence (
	one boolean primary key default true check (one),
	seq bigint not null default 0
) with (fillfactor = 10);
insert into access_sequence default values;

-- Ed25519; secret is sealed by the installation's own key. The newest of those that have begun signs; all that have not
-- ended verify. One that is yet to begin is published already.
create table signing_key (
	key_id uuid primary key,
	public_key bytea not null check (octet_length(public_key) = 32),
	secret bytea not null,
	created_at timestamptz not null default now(),
	signs_at timestamptz not null default now(),
	ends_at timestamptz
);

-- An issuer belongs to one tenant: iss is unique in the installation, or a second tenant could
-- claim the first one's people.
create table issuer (
	tenant_id uuid not null,
	issuer_id uuid not null,
	iss text not null unique check (length(iss) between 1 and 255),
	audience text not null check (length(audience) between 1 and 255),
	algorithms integer not null check (algorithms > 0), -- a bit each
	jwks_url text not null, -- '': a shared secret
	kid text not null default '', -- the secret's
	secret bytea, -- sealed by the installation's own key
	roles_claim text not null default 'roles',
	roles text not null default '{}', -- JSON: what theirs are called here
	created_at timestamptz not null default now(),
	primary key (tenant_id, issuer_id),
	check ((jwks_url = '') = (secret is not null))
);
create unique index issuer_by_id on issuer (issuer_id);

-- Kind and moment as in core/identity/revocation.h. network: 16 bytes and the number of bits.
create table revocation (
	tenant_id uuid not null,
	kind text not null check (kind in ('credential', 'user', 'tenant', 'network')),
	subject uuid not null default '00000000-0000-0000-0000-000000000000',
	network bytea not null default '' check (octet_length(network) in (0, 17)),
	before_at timestamptz not null,
	ends_at timestamptz, -- null: never
	seq bigint not null,
	created_at timestamptz not null default now(),
	primary key (tenant_id, kind, subject, network)
);
create unique index revocation_by_seq on revocation (seq);
create index revocation_by_end on revocation (ends_at) where ends_at is not null;

-- A family is one grant that is refreshed for as long as it lives; only its newest token is good. A
-- token that comes a second time was stolen, from its owner or by its owner's thief: the family ends.
create table refresh_family (
	tenant_id uuid not null,
	family_id uuid not null,
	principal text not null, -- sub of its tokens
	key_id uuid, -- the API key that it was given for
	issuer_id uuid, -- or the issuer of the token
	scope text, -- null: not narrowed
	roles text not null default '', -- JSON array; '': as the principal has them
	address bytea not null check (octet_length(address) = 16),
	created_at timestamptz not null default now(),
	expires_at timestamptz not null,
	ended_at timestamptz,
	primary key (tenant_id, family_id)
);
create index refresh_family_by_end on refresh_family (expires_at);
create table refresh_token (
	tenant_id uuid not null,
	hash bytea not null check (octet_length(hash) = 32),
	family_id uuid not null,
	created_at timestamptz not null default now(),
	used_at timestamptz,
	primary key (tenant_id, hash),
	foreign key (tenant_id, family_id) references refresh_family on delete cascade
) with (fillfactor = 80);
create index refresh_token_by_family on refresh_token (tenant_id, family_id);

-- The principal outlives a rotation: what the old key made is the new key's own.
alter table api_key
	add column first_key uuid, -- of a line of successors; null: it is the first itself
	add column principal uuid not null generated always as (coalesce(first_key, key_id)) stored,
	add column scopes text, -- with spaces between; null: not narrowed
	add column expires_at timestamptz,
	add column rotated_to uuid;
create index api_key_by_principal on api_key (tenant_id, principal);

do $$
declare
	own constant text := (select pg_get_expr(polqual, polrelid) from pg_policy
		where polrelid = 'tenant'::regclass and polname = 'by_tenant');
	name text;
	seer text;
	open constant jsonb := jsonb_build_object(
		'issuer', 'longhaul_producer',
		'revocation', 'longhaul_producer longhaul_worker longhaul_scheduler',
		'refresh_family', 'longhaul_scheduler',
		'refresh_token', 'longhaul_scheduler');
begin
	for name in select jsonb_object_keys(open) loop
		execute format('alter table %I enable row level security', name);
		execute format('alter table %I force row level security', name);
		execute format('create policy by_tenant on %I using (%s) with check (%s)', name, own, own);
		foreach seer in array string_to_array(open ->> name, ' ') loop
			execute format('create policy %I on %I to %I using (true) with check (true)',
				'all_' || seer, name, seer);
		end loop;
	end loop;
end $$;

grant select on access_sequence to longhaul_producer, longhaul_worker;
grant update on access_sequence to longhaul_producer;
grant select, insert, update on signing_key to longhaul_producer;
grant select, insert, delete on issuer to longhaul_producer;
grant select, insert, update on revocation to longhaul_producer;
grant select on revocation to longhaul_worker;
grant select, delete on revocation to longhaul_scheduler;
grant select, insert, update on refresh_family, refresh_token to longhaul_producer;
grant select, delete on refresh_family to longhaul_scheduler;
grant select (principal, expires_at, rotated_to) on api_key to longhaul_worker;

-- As 0011 has it, and now of any key of a principal that is good still. One that has run out does not
-- speak against its principal, one that was revoked does.
create or replace function principal_may_submit(of_tenant uuid, who uuid) returns boolean
	language plpgsql stable as $$
declare
	zero constant uuid := '00000000-0000-0000-0000-000000000000';
	welcome boolean;
	held text[];
begin
	select k.revoked_at is null and (k.rotated_to is null or k.expires_at > now()),
			coalesce(k.roles, array['service'])
		into welcome, held from api_key k
		where k.tenant_id = of_tenant and k.principal = who and k.user_id is null
		order by 1 desc, k.key_id desc limit 1;
	if not found then
		select u.disabled_at is null, array(select r.role from user_role r
				where r.tenant_id = of_tenant and r.user_id = who)
			into welcome, held from app_user u where u.tenant_id = of_tenant and u.user_id = who;
	end if;
	if welcome is null then
		return true;
	elsif not welcome then
		return false;
	elsif held = array['service'] then
		return true; -- most are, and no rule of it can be taken away
	end if;
	return (with recursive reached(role) as (
			select unnest(held)
			union select p.parent from reached r join role_parent p
				on p.role = r.role and p.tenant_id = any(array[of_tenant, zero])
		) select coalesce(bool_or(g.rule ~ '^allow (job:submit|job:\*|\*:\*)( |$)'), false)
			and not coalesce(bool_or(g.rule ~ '^deny (job:submit|job:\*|\*:\*)$'), false)
		from reached r join role_grant g
			on g.role = r.role and g.tenant_id = any(array[of_tenant, zero]));
end $$;

-- Asked at claim: the jobs that who handed in up to this moment do not run. Null: all of them do.
create function principal_shut_out(of_tenant uuid, who uuid) returns timestamptz
	language plpgsql stable as $$
begin
	if not principal_may_submit(of_tenant, who) then
		return 'infinity';
	end if;
	return (select max(r.before_at) from revocation r where r.tenant_id = of_tenant
		and r.kind = any(array['user', 'tenant'])
		and r.subject = any(array[who, '00000000-0000-0000-0000-000000000000'])
		and (r.ends_at is null or r.ends_at > now()));
end $$;
revoke all on function principal_shut_out from public;
grant execute on function principal_shut_out to longhaul_worker;
