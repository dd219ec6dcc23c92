-- Readers of a running answer saw text of this model: another attempt of the job begins it
-- anew, and by no other model.
alter table job add column told_model text;

-- What its holder told of an attempt that lasts, with its beat: nothing of a short one. Whom it calls,
-- or would call; what holds it back from that, null while it calls; and since when either.
alter table job_lease
	add column upstream text,
	add column key_label text,
	add column model text, -- ours: the job's or a fallback's
	add column held_by text,
	add column told_since timestamptz;

-- What an attempt waited for longest before its call, or when it went back; and whether its usage
-- is what the leader guessed when its worker was gone.
alter table attempt
	add column held_by text,
	add column guessed boolean not null default false;
grant insert (upstream, key_label, held_by, guessed) on attempt to longhaul_scheduler;
