-- A plan may also say how many tokens the calls of a tenant may use: the level `tokens`, whose
-- `requests` are tokens. Workers ask for it before each call.

alter table limit_plan drop constraint limit_plan_level_check;
alter table limit_plan add constraint limit_plan_level_check
	check (level in ('global', 'tenant', 'role', 'ip', 'user', 'tokens'));

create policy all_longhaul_worker on tenant_plan for select to longhaul_worker using (true);
grant select on limit_plan, tenant_plan to longhaul_worker;
