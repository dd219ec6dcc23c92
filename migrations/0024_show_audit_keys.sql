-- Producers show operators which keys sign the audit. The public halves: they are no secret.
grant select on audit_signer to longhaul_producer;
