-- Tokens of calls may be limited for a user, for those who hold a role, and for all tenants too: the levels
-- `tokens:user`, `tokens:role` and, in the plan `default`, `tokens:global`, beside `tokens`, the tenant's own.

do $$
declare
	name text;
begin
	for name in select conname from pg_constraint where conrelid = 'limit_plan'::regclass and contype = 'c'
			and pg_get_constraintdef(oid) like '%level%' loop
		execute format('alter table limit_plan drop constraint %I', name);
	end loop;
end $$;
alter table limit_plan
	add constraint limit_plan_level_check check (level in ('global', 'tenant', 'role', 'ip', 'user',
		'tokens', 'tokens:global', 'tokens:role', 'tokens:user')),
	add constraint limit_plan_role_check check ((level in ('role', 'tokens:role')) = (role <> '')),
	add constraint limit_plan_global_check
		check (level not in ('global', 'tokens:global') or plan = 'default');

-- Every claim asks which roles' tokens are limited, and a user's as the role ''. Mostly there are none.
create index limit_plan_of_principals on limit_plan (role) where level in ('tokens:role', 'tokens:user');

-- Asked at claim, when there are any: what a job's principal is, `usr` or `key`, and then those of these
-- roles that it holds itself, as principal_may_submit finds them.
create function principal_holds(of_tenant uuid, who uuid, among text[]) returns text
	language plpgsql stable as $$
declare
	held text[];
begin
	select coalesce(k.roles, array['service']) into held from api_key k
		where k.tenant_id = of_tenant and k.principal = who and k.user_id is null
		order by k.revoked_at is null and (k.rotated_to is null or k.expires_at > now()) desc,
			k.key_id desc limit 1;
	if found then
		return concat_ws(' ', 'key', (select string_agg(r, ' ' order by r) from unnest(held) r
			where r = any(among)));
	end if;
	return concat_ws(' ', 'usr', (select string_agg(r.role, ' ' order by r.role) from user_role r
		where r.tenant_id = of_tenant and r.user_id = who and r.role = any(among)));
end $$;
revoke all on function principal_holds from public;
grant execute on function principal_holds to longhaul_worker;
