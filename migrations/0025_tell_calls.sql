-- Readers of a running answer saw text of this model: another attempt of the job begins it
-- anew, and by no other model.
alter table job add column told_model text;
