-- A claim holds its worker's grants until it has committed, so that the leader gives to no other worker what this one is
-- filling just now. Holding a row, even to read it, asks for the right to change one of its columns.
grant update (slots) on worker_grant to longhaul_worker;
