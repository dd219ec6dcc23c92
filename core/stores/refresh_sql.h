/* refresh_sql.h - whether that on which a family of refresh tokens hangs still stands.
 *
 * For those who use a family's token and those who count families. The family is f: its API key is
 * good, its issuer is there, and the token that it was exchanged for is not revoked.
 *
 * Threads: constants. */
#ifndef STORES_REFRESH_SQL_H
#define STORES_REFRESH_SQL_H

#define REFRESH_STANDS                                                                     \
	" (f.key_id is null or exists (select from api_key k where k.key_id = f.key_id"    \
	"   and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())))" \
	" and (f.issuer_id is null or exists"                                              \
	"  (select from issuer i where i.issuer_id = f.issuer_id))"                        \
	" and (f.source_id is null or not exists"                                          \
	"  (select from revocation r where r.tenant_id = f.tenant_id"                      \
	"   and r.kind = 'credential' and r.subject = f.source_id))"

#endif
