-- An API key that has ended is refused by its own row. The list of revocations has it for what was given for it, and no
-- token lives longer than a day: its entry goes after two, as a token's does.
update revocation set ends_at = now() + interval '2 days', subject_type = 'key'
	where kind = 'credential' and ends_at is null;
-- The version before this names no end of a key's entry, and one of anything else's.
alter table revocation alter column ends_at set default now() + interval '2 days';

-- The good keys of a tenant are counted whenever one more is made: without those that have ended.
create index api_key_good on api_key (tenant_id, (coalesce(expires_at, 'infinity')), key_id) where revoked_at is null;

-- Of which issuer the subject is, where it was named by what that one calls it.
alter table revocation add column issuer_id uuid;

-- When that was given which a family was had by. Null: from before this, when it began.
alter table refresh_family add column since_at timestamptz;
