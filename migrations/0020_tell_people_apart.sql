-- Who is another person, and what a token was exchanged from.

-- Of an operator's key: as which operator it counts where two people are needed. Null: as itself. A
-- key that an operator makes is that operator's, whoever is given it.
alter table api_key add column person uuid;

-- asked_by names the key's line, this the person behind it; null: the same.
alter table approval add column asked_person uuid;

-- The token that a family was exchanged for: it ends with that one.
alter table refresh_family add column source_id uuid;
create index refresh_family_by_source on refresh_family (tenant_id, source_id)
	where source_id is not null;
