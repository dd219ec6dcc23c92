-- Who may do what: roles and their rules, users, and who holds which roles.
--
-- A role is known by its name within its tenant. Roles of no tenant (the zero id) are
-- the built-in ones: every tenant's roles may have them as parents, nobody changes
-- them. A rule is a line of text, as core/domain/rule.h reads it.

create table role (
	tenant_id uuid not null,
	role_id uuid not null default id_make(), -- what audit rows name
	name text not null check (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
	created_at timestamptz not null default now(),
	primary key (tenant_id, name)
);
create table role_parent (
	tenant_id uuid not null,
	role text not null,
	number smallint not null,
	parent text not null, -- of this tenant, or built in: checked when it is written
	primary key (tenant_id, role, number),
	foreign key (tenant_id, role) references role (tenant_id, name) on delete cascade
);
create table role_grant (
	tenant_id uuid not null,
	role text not null,
	number smallint not null,
	rule text not null,
	primary key (tenant_id, role, number),
	foreign key (tenant_id, role) references role (tenant_id, name) on delete cascade
);

create table app_user (
	tenant_id uuid not null,
	user_id uuid not null,
	name text not null check (length(name) between 1 and 200),
	created_at timestamptz not null default now(),
	disabled_at timestamptz,
	primary key (tenant_id, user_id),
	unique (tenant_id, name)
);
create table user_role (
	tenant_id uuid not null,
	user_id uuid not null,
	role text not null,
	primary key (tenant_id, user_id, role),
	foreign key (tenant_id, user_id) references app_user (tenant_id, user_id) on delete cascade
) with (autovacuum_vacuum_scale_factor = 0.05);
-- Whole roles move: its holders in order, a page at a time.
create index user_role_by_role on user_role (tenant_id, role, user_id);

-- A key acts for a user, or for itself with roles of its own. Neither: it is one that was
-- made before there were roles, and may do what it could do then (service, operator).
alter table api_key
	add column user_id uuid,
	add column roles text[],
	add constraint api_key_one_source check (user_id is null or roles is null);
create index api_key_by_user on api_key (tenant_id, user_id) where user_id is not null;

-- Own jobs of those who see no others.
create index job_by_principal on job (tenant_id, principal, job_id);

-- One row a tenant, moved by every change of its roles and users: producers read those
-- that changed since the oldest transaction they had not seen ended. Numbers of a sequence
-- would not do: a lower one may be committed after a higher one was read.
create table access_version (
	tenant_id uuid primary key,
	version bigint not null,
	changed_by bigint not null default pg_current_xact_id()::text::bigint
) with (fillfactor = 50);
create index access_version_by_change on access_version (changed_by);

do $$
declare
	own constant text := (select pg_get_expr(polqual, polrelid) from pg_policy
		where polrelid = 'tenant'::regclass and polname = 'by_tenant');
	zero constant text := 'tenant_id = ''00000000-0000-0000-0000-000000000000''';
	name text;
begin
	foreach name in array array['role', 'role_parent', 'role_grant', 'app_user', 'user_role',
			'access_version'] loop
		execute format('alter table %I enable row level security', name);
		execute format('alter table %I force row level security', name);
		execute format('create policy by_tenant on %I using (%s) with check (%s)', name, own, own);
	end loop;
	-- the built-in ones: read by all, written by migrations
	foreach name in array array['role', 'role_parent', 'role_grant'] loop
		execute format('create policy built_in on %I for select to longhaul_producer using (%s)',
			name, zero);
		execute format('create policy built_in_owner on %I to %I using (%s) with check (%s)',
			name, current_user, zero, zero);
	end loop;
end $$;
-- Ids and numbers: which tenants changed, whoever they are.
create policy all_longhaul_producer on access_version for select to longhaul_producer using (true);
-- At claim, of jobs of any tenant: may their principals still hand in jobs? Names and rules,
-- no content.
do $$
declare
	name text;
begin
	foreach name in array array['api_key', 'app_user', 'user_role', 'role_parent', 'role_grant'] loop
		execute format('create policy all_longhaul_worker on %I for select to longhaul_worker using (true)',
			name);
	end loop;
end $$;

-- False: the key is revoked, the user disabled, or no role allows job:submit under any condition any
-- more. What a rule's conditions ask was judged when the job was handed in. Of a principal
-- that is neither a key nor a user nothing is known, and so nothing against it.
create function principal_may_submit(of_tenant uuid, who uuid) returns boolean
	language plpgsql stable as $$
declare
	zero constant uuid := '00000000-0000-0000-0000-000000000000';
	welcome boolean;
	held text[];
begin
	select k.revoked_at is null, coalesce(k.roles, array['service']) into welcome, held
		from api_key k where k.key_id = who and k.tenant_id = of_tenant and k.user_id is null;
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
revoke all on function principal_may_submit from public;
grant execute on function principal_may_submit to longhaul_worker;

grant select, insert, update, delete on role, role_parent, role_grant, app_user, user_role,
	access_version to longhaul_producer;
grant select (tenant_id, key_id, revoked_at, user_id, roles) on api_key to longhaul_worker;
grant select (tenant_id, user_id, disabled_at) on app_user to longhaul_worker;
grant select on user_role, role_parent, role_grant to longhaul_worker;

insert into role (tenant_id, name)
select '00000000-0000-0000-0000-000000000000', unnest(array['guest', 'submitter', 'reader', 'analyst',
	'service', 'tenant-admin', 'operator', 'observer']);
insert into role_parent (tenant_id, role, number, parent)
select '00000000-0000-0000-0000-000000000000', role, number, parent from (values
	('submitter', 0, 'guest'), ('analyst', 0, 'submitter'), ('analyst', 1, 'reader'),
	('service', 0, 'analyst'), ('tenant-admin', 0, 'service')) p(role, number, parent);
insert into role_grant (tenant_id, role, number, rule)
select '00000000-0000-0000-0000-000000000000', role,
	row_number() over (partition by role order by number) - 1, rule from (values
	('guest', 1, 'allow job:read owner=own'),
	('submitter', 1, 'allow job:submit priority>=3'),
	('submitter', 2, 'allow job:change owner=own priority>=3'),
	('submitter', 3, 'allow job:cancel owner=own'),
	('submitter', 4, 'allow job:retry owner=own'),
	('submitter', 5, 'allow job:delete owner=own'),
	('reader', 1, 'allow job:read'),
	('reader', 2, 'allow usage:read'),
	('analyst', 1, 'allow callback:use'),
	-- what every key of a tenant could do before there were roles
	('service', 1, 'allow job:*'),
	('service', 2, 'allow subject:any'),
	('tenant-admin', 1, 'allow *:*'),
	('operator', 1, 'allow operator:*'),
	('observer', 1, 'allow operator:read')) g(role, number, rule);
