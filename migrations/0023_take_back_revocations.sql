-- What is revoked is seen, and what was revoked by mistake is taken back.

-- An entry that is taken back stays for two days, with a number of the sequence: so that who read it
-- before hears of it. Its moment lies before all others then, for those who ask for the moment alone.
alter table revocation
	add column revocation_id uuid not null default id_make(),
	add column subject_type text check (subject_type in ('usr', 'key', 'tok', 'fam')), -- null: from before this
	add column by_kind text, -- who asked for it last, as the audit has it
	add column by_credential uuid,
	add column taken_at timestamptz;
create unique index revocation_by_id on revocation (revocation_id);
create index revocation_by_tenant on revocation (tenant_id, revocation_id);
