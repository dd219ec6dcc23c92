/* The command line, whole: every command and every option. */
#include "command.h"
#include "command_record.h"

#include "handlers.h"

#include <string.h>

/* A year, the longest that a time to wait or a deadline may be. */
#define YEAR_S (366 * 86400)

/* clang-format off */
#define END                            {NULL, 0, OPTION_FLAG, NULL, NULL, false, 0, 0}
#define FLAG(name, letter, help)       {name, letter, OPTION_FLAG, NULL, help, false, 0, 0}
#define TEXT(name, letter, value, help) {name, letter, OPTION_TEXT, value, help, false, 0, 0}
#define PATH(name, letter, value, help) {name, letter, OPTION_FILE, value, help, false, 0, 0}
#define PAIRS(name, letter, help)      {name, letter, OPTION_PAIR, "KEY=VALUE", help, true, 0, 0}
#define ROLES                          {"role", 0, OPTION_PAIR, "THEIRS=OURS", "a role of theirs here", true, 0, 0}
#define CHOICE(name, words, help)      {name, 0, OPTION_CHOICE, words, help, false, 0, 0}
#define SOME_OF(name, words, help)     {name, 0, OPTION_CHOICES, words, help, false, 0, 0}
#define TEXTS(name, value, help)       {name, 0, OPTION_TEXT, value, help, true, 0, 0}
#define NUMBER(name, letter, help, least, most) \
	{name, letter, OPTION_NUMBER, "N", help, false, least, most}
#define DURATION(name, letter, help, least, most) \
	{name, letter, OPTION_DURATION, "TIME", help, false, least, most}
#define OPTIONS(...)                   ((const struct option[]){__VA_ARGS__, END})
#define NONE                           OPTIONS(END)

#define STATES "queued|waiting|running|completed|failed|cancelled|expired"
#define KINDS  "chat|response|embedding|message|noop"

#define WAITING DURATION("timeout", 't', "stop waiting after this long (the job goes on)", 1, YEAR_S)
#define FILTERS                                                                                         \
	TEXT("queue", 'q', "NAME", "only jobs of this queue"),                                          \
	SOME_OF("state", STATES, "only jobs in this state, or in one of several with commas"),          \
	CHOICE("kind", KINDS, "only jobs of this kind"),                                                \
	TEXT("error-code", 0, "CODE", "only jobs that ended with this error"),                          \
	TEXT("model", 'm', "MODEL", "only jobs that ask this model"),                                   \
	TEXT("upstream", 0, "NAME", "only jobs that this upstream answered"),                           \
	FLAG("dead", 0, "only jobs that failed for good"),                                              \
	TEXT("created-after", 0, "WHEN", "only jobs submitted after this time (RFC 3339, or -2h)"),     \
	TEXT("created-before", 0, "WHEN", "only jobs submitted before this time"),                      \
	TEXT("subject", 0, "WHO", "only jobs that hold this subject's data"),                           \
	PAIRS("metadata", 0, "only jobs that carry this metadata")
#define CONFIG   PATH("config", 'c', "FILE", "longhaul.yaml (default: the path in LONGHAUL_CONFIG)")
#define KEY_FILE PATH("key-file", 'k', "FILE", "write the key to this new file, mode 0600")
#define OF_KEY   FLAG("label", 0, "MODEL is the label of a key, which is meant instead of a model")
#define BY_HAND \
	OPTIONS(DURATION("for", 0, "how long the breaker is overruled (default: 1h)", 1, 30 * 86400), OF_KEY)
#define SHOW     FLAG("show", 0, "print the key; it is never shown again")
#define TENANT   TEXT("tenant", 0, "NAME", "as an operator: jobs of this tenant")
#define OF_TENANT TEXT("tenant", 0, "NAME", "as an operator: in this tenant (default: the key's own)")
#define OWN FLAG("own", 0, "with the profile's own key, in its tenant (default: as an operator)")
#define DRY_ROLE \
	FLAG("dry-run", 'n', "say what those who hold the role would gain and lose, change nothing")
#define DRY_LIMIT \
	FLAG("dry-run", 'n', "say what would change and for how many tenants, change nothing")
#define DRY_END \
	FLAG("dry-run", 'n', "say who would be locked out, and whether you would be, change nothing")
#define DRY_RUN  FLAG("dry-run", 'n', "count the jobs that the filter names, change nothing")

const struct option command_shared[] = {
	FLAG("json", 'j', "print JSON instead of text"),
	PATH("profile", 'p', "FILE", "where the address and the key files stand"),
	FLAG("help", 'h', "explain the command"),
	END,
};

static const struct option submit_options[] = {
	TEXT("model", 'm', "MODEL", "the model to ask (default: model= in the profile)"),
	TEXTS("fallback", "MODEL", "a model to ask where the one before cannot answer; in the order given"),
	PATH("file", 'f', "FILE", "take the prompt from a file, after any words given"),
	PATH("ndjson", 0, "FILE", "submit one job per line; \"-\" is standard input"),
	PATH("input", 0, "FILE", "the whole input as JSON, sent as it is"),
	TEXT("system", 's', "TEXT", "a system message before the prompt"),
	CHOICE("kind", KINDS, "what the upstream is asked for (default: chat)"),
	TEXT("queue", 'q', "NAME", "the queue (default: default)"),
	NUMBER("priority", 0, "the job's priority: 0 goes first, 9 last (default: 5)", 0, 9),
	TEXT("run-at", 0, "WHEN", "start the job not before this time (RFC 3339, or +90s, +2h)"),
	DURATION("deadline", 0, "give up this long after the job could start", 1, YEAR_S),
	DURATION("attempt-timeout", 0, "the longest that one attempt may take", 1, YEAR_S),
	NUMBER("max-attempts", 0, "how often the job is tried at most", 1, 100),
	PAIRS("metadata", 0, "a label of your own on the job"),
	TEXT("subject", 0, "WHO", "whose data the job holds (default: the key's owner)"),
	TEXT("callback", 0, "URL", "tell this address when the job ends; its origin must be allowed"),
	TEXT("idempotency-key", 0, "KEY", "a name for this submit: the same again gives the same job"),
	FLAG("no-store", 0, "delete input and answer once the ended job was read (docs/retention.md)"),
	FLAG("wait", 'w', "wait for the end and print the answer"),
	FLAG("watch", 'W', "print the answer as it arrives"),
	WAITING,
	END,
};

const struct command command_table[] = {
	/* jobs */
	{NULL, "submit", "[PROMPT... | -]", 0, COMMAND_ANY, "hand in a job; prints its id",
	 submit_options, submit_run,
	 "The prompt is the words given, standard input for \"-\", a file for --file.\n"
	 "With --ndjson every line is a job as POST /v1/jobs takes it; options given\n"
	 "besides fill in what a line leaves out, the model and single metadata too.\n"
	 "Prints one id a line; lines that were refused are named on standard error and\n"
	 "make the exit code 1.\n\n"
	 "  longhaul submit -m sim --watch 'Tell me about queues'\n"
	 "  longhaul submit -m sim --wait --file report.txt 'Summarise this:'\n"
	 "  longhaul submit -m gpt-4o --fallback gpt-4o-mini --fallback sim --wait 'Hello'\n"
	 "  longhaul wait $(longhaul submit --ndjson jobs.ndjson)"},
	{NULL, "get", "JOB...", 1, COMMAND_ANY, "show jobs as they are now",
	 OPTIONS(FLAG("text", 0, "print only the answer's text"),
		 TEXT("expand", 'x', "PARTS", "show more parts, all as JSON: input,partial_output,attempts,events,deliveries")),
	 job_get_run, NULL},
	{NULL, "wait", "JOB...", 1, COMMAND_ANY, "wait until jobs end; prints the answer of one",
	 OPTIONS(WAITING), job_wait_run,
	 "One job: its answer's text. Several: one line each, id and state."},
	{NULL, "watch", "JOB", 1, 1, "print a job's answer as it arrives",
	 OPTIONS(TEXT("after", 0, "EVENT", "start behind the event with this number"), WAITING),
	 watch_run,
	 "A connection that is cut is taken up again where it ended. With --json one\n"
	 "event a line: {\"id\",\"event\",\"data\"}."},
	{NULL, "list", "", 0, 0, "list jobs, newest first",
	 OPTIONS(FILTERS, NUMBER("limit", 'l', "show at most so many jobs (default: 20)", 1, 100000),
		 TEXT("after", 0, "CURSOR", "show the page behind this cursor (\"next\" of the page before)")),
	 job_list_run, NULL},
	{NULL, "cancel", "[JOB...]", 0, COMMAND_ANY, "cancel jobs, by id or by filter",
	 OPTIONS(FILTERS, TENANT, DRY_RUN), job_cancel_run,
	 "By filter they are worked off in batches, newest first; what was done is told\n"
	 "on the way and stays done. --tenant alone means all of its jobs that have not ended.\n\n"
	 "  longhaul cancel --tenant acme --dry-run\n"
	 "  longhaul cancel --tenant acme --queue bulk --state queued --dry-run"},
	{NULL, "retry", "[JOB...]", 0, COMMAND_ANY, "run ended jobs again, by id or by filter",
	 OPTIONS(FILTERS, TENANT, DRY_RUN), job_retry_run,
	 "Failed, expired and cancelled jobs go back to their queue with new attempts,\n"
	 "as many as there is room for; a dry run says how many there would be none for.\n"
	 "One whose --run-at lies ahead waits for that again.\n\n"
	 "  longhaul retry --dead --error-code upstream_auth --dry-run"},
	{NULL, "why", "JOB", 1, 1, "the story of a job, and where its time went", NONE, why_run, NULL},

	{NULL, "top", "", 0, 0, "what goes on: queues, tenants, upstreams, workers",
	 OPTIONS(FLAG("once", '1', "print once and end, as where there is no terminal"),
		 DURATION("every", 'e', "look again after this long (default: 2s)", 1, 3600)),
	 top_run,
	 "For operators. Refreshes until interrupted; with --json, and where the output is\n"
	 "no terminal, it is printed once. Workers that left or died are in worker list."},

	/* what runs them */
	{"queue", "list", "", 0, 0, "show queues, their limits and depths", NONE, queue_list_run, NULL},
	{"queue", "set", "NAME", 1, 1, "make a queue or change its limits",
	 OPTIONS(NUMBER("concurrency", 0, "its jobs that may run at once, on all workers; 0 = no limit", 0, 1000000),
		 NUMBER("max-queued", 0, "jobs the queue may hold; 0 = no limit", 0, 1000000000),
		 NUMBER("weight", 0, "the queue's share beside other queues", 1, 1000),
		 NUMBER("rate", 0, "its jobs that may start in a second; 0 = no limit", 0, 1000000),
		 DURATION("max-age", 0, "accept no more jobs while the oldest waits longer; 0 = no limit", 0, YEAR_S),
		 DURATION("attempt-timeout", 0, "the longest that one attempt may take; 0 = no limit", 0, YEAR_S),
		 DURATION("deadline", 0, "the longest that its jobs may live; 0 = no limit", 0, YEAR_S)),
	 queue_set_run, "What is not given stays as it is."},
	{"queue", "pause", "NAME", 1, 1, "start no more jobs of a queue", NONE, queue_pause_run, NULL},
	{"queue", "resume", "NAME", 1, 1, "end a queue's pause and its drain: it starts jobs and accepts new ones", NONE,
	 queue_resume_run,
	 "It ends both, whichever holds: a queue that was paused while it drained accepts jobs again.\n"
	 "`longhaul queue list` shows which of the two holds."},
	{"queue", "drain", "NAME", 1, 1, "accept no more jobs in a queue, work off what it has", NONE,
	 queue_drain_run,
	 "`longhaul queue resume` ends it. No command removes a queue: one that is not wanted any more\n"
	 "stays drained, and holds nothing once it is worked off."},
	{"worker", "list", "", 0, 0, "show workers, what they hold and their last sign of life", NONE,
	 worker_list_run, NULL},
	{"worker", "drain", "WORKER", 1, 1, "let a worker finish what it holds and stop", NONE,
	 worker_drain_run,
	 "It takes nothing new, and hands back unburnt what has not ended after worker.drain_s.\n"
	 "Then it exits with status 10: our systemd unit and the local stack leave it ended until\n"
	 "somebody starts it (`systemctl start longhaul-worker`, `make up`). Any other supervisor\n"
	 "starts it again unless told not to on that status; a Deployment is scaled down instead.\n"
	 "To take a host out, drain every worker that `longhaul worker list` shows on it."},
	{"upstream", "list", "", 0, 0, "show upstreams", NONE, upstream_list_run, NULL},
	{"upstream", "show", "NAME", 1, 1, "show an upstream's breakers, keys and pacing", NONE,
	 upstream_show_run, "What all workers together know of it, and how its breakers moved lately."},
	{"upstream", "block", "NAME MODEL", 2, 2, "let nobody call a model of an upstream", BY_HAND,
	 upstream_block_run,
	 "Jobs for it wait, without burning attempts. Every worker knows within two seconds.\n"
	 "MODEL is one name as the upstream calls it, no pattern. All of an upstream is blocked by\n"
	 "its keys, each by its label; one without upstream_keys has one key, called default:\n"
	 "\n"
	 "  longhaul upstream block primary gpt-4o-mini --for 30m\n"
	 "  longhaul upstream block primary default --label"},
	{"upstream", "allow", "NAME MODEL", 2, 2, "let a model be called, whatever its breaker counts", BY_HAND,
	 upstream_allow_run, NULL},
	{"upstream", "auto", "NAME MODEL", 2, 2, "leave a model to its breaker again", OPTIONS(OF_KEY),
	 upstream_auto_run, NULL},

	{NULL, "usage", "", 0, 0, "show what was used and what it cost",
	 OPTIONS(TEXT("by", 0, "NAMES", "one line for each of these: day, queue, upstream, model (default: day)"),
		 TEXT("from", 0, "DAY", "the first day counted, as 2026-01-31 (default: 30 days ago)"),
		 TEXT("until", 0, "DAY", "the first day that is left out again (default: tomorrow)"),
		 FLAG("all", 0, "as an operator: of all tenants; --by may name tenant too")),
	 consumption_run,
	 "Days are UTC's. An attempt counts on the day on which it ended.\n\n"
	 "  longhaul usage --by day,model --from 2026-01-01"},

	/* who may use it */
	{"tenant", "create", "NAME", 1, 1, "make a tenant",
	 OPTIONS(PATH("webhook-secret-file", 0, "FILE",
		      "write the secret that signs its webhooks to this new file, mode 0600"),
		 FLAG("show", 0, "print the secret; it is never shown again")),
	 tenant_create_run,
	 "The secret is told once, when the tenant is made: to a file, or with --show."},
	{"tenant", "list", "", 0, 0, "show tenants", NONE, tenant_list_run, NULL},
	{"tenant", "callback-origins", "NAME [ORIGIN...]", 1, COMMAND_ANY,
	 "show or set the origins its callbacks may go to",
	 OPTIONS(FLAG("none", 0, "allow no origin at all"),
		 FLAG("dry-run", 'n', "say which origins would be gained and lost, change nothing")), tenant_origins_run,
	 "The origins given replace the list; \":*\" at the end stands for any port.\n\n"
	 "  longhaul tenant callback-origins demo https://example.org"},
	{"tenant", "limits", "NAME", 1, 1, "show or change what a tenant may have",
	 OPTIONS(NUMBER("weight", 0, "the tenant's share of a queue beside other tenants", 1, 1000),
		 NUMBER("max-running", 0, "its jobs that may run at once, on all workers; 0 = no limit", 0, 1000000),
		 NUMBER("max-queued", 0, "its jobs that may be queued or wait, in all queues; 0 = no limit", 0, 1000000000),
		 FLAG("dry-run", 'n', "say what would change and whether its jobs would be refused, change nothing")),
	 tenant_limits_run, "What is not given stays as it is."},
	{"limit", "list", "", 0, 0, "show the limits of requests and tokens, plan by plan", NONE, limit_list_run,
	 "Limits of no plan are the configuration's (request_limits). The plan `default` holds for\n"
	 "tenants without one, and for levels of which a tenant's plan says nothing."},
	{"limit", "set", "PLAN LEVEL", 2, 2, "let so many requests in, or tokens be used, in so long",
	 OPTIONS(NUMBER("requests", 0, "requests to let in within a window; 0 = free", 0, 1000000000),
		 NUMBER("tokens", 0, "tokens of a level of tokens, likewise", 0, 1000000000),
		 DURATION("window", 0, "the length of the window (default: 1m)", 1, 86400),
		 NUMBER("burst", 0, "so many of them at once (default: all of a window's)", 1, 1000000000), DRY_LIMIT),
	 limit_set_run,
	 "LEVEL is user, role:NAME, ip or tenant; in the plan `default` also global. A request has\n"
	 "to pass all of them. Time makes room for further ones, evenly. The levels tokens, tokens:user,\n"
	 "tokens:role:NAME and, in the plan `default`, tokens:global are what the calls of a tenant's\n"
	 "jobs, of a user's, of a role's holders, of all tenants may use; jobs beyond it wait.\n\n"
	 "  longhaul limit set gold tokens --tokens 100000\n"
	 "  longhaul limit set gold tokens:user --tokens 20000\n"
	 "  longhaul limit set gold user --requests 600 --burst 50 --dry-run\n"
	 "  longhaul limit plan acme gold"},
	{"limit", "remove", "PLAN LEVEL", 2, 2, "let a plan say nothing of a level", OPTIONS(DRY_LIMIT),
	 limit_remove_run, NULL},
	{"limit", "plan", "TENANT [PLAN]", 1, 2, "show or set a tenant's plan",
	 OPTIONS(FLAG("none", 0, "take the tenant's plan away: the default one's limits hold"), DRY_LIMIT),
	 limit_plan_run, NULL},
	{"role", "list", "", 0, 0, "show roles, the built-in ones too", OPTIONS(OF_TENANT), role_list_run,
	 "Without --tenant: the tenant of the profile's own key, which needs role:read."},
	{"role", "show", "ROLE", 1, 1, "show a role's parents and rules, and what follows from them",
	 OPTIONS(OF_TENANT), role_show_run, NULL},
	{"role", "set", "ROLE [RULE...]", 1, COMMAND_ANY, "make a role, or replace its parents and rules",
	 OPTIONS(OF_TENANT, TEXT("parents", 0, "ROLES", "roles to build upon, with commas between"), DRY_ROLE),
	 role_set_run,
	 "A rule allows or denies a permission, under conditions that must all hold. A deny\n"
	 "wins over every allow; what no rule allows is not allowed. What a parent allows stays\n"
	 "allowed without the conditions of a rule here: a narrower role builds upon guest.\n\n"
	 "  longhaul role set night --parents guest 'allow job:read' \\\n"
	 "    'allow job:submit queue=bulk-* model=small-* priority>=5 cost<=0.05' \\\n"
	 "    'deny job:delete' --dry-run"},
	{"role", "remove", "ROLE", 1, 1, "remove a role that nobody holds", OPTIONS(OF_TENANT, DRY_ROLE),
	 role_remove_run, NULL},
	{"role", "move", "ROLE TO", 2, 2, "give all who hold a role another one instead",
	 OPTIONS(OF_TENANT,
		 FLAG("dry-run", 'n', "count the users who hold the role, change nothing")), role_move_run, NULL},
	{"user", "list", "", 0, 0, "show users and their roles", OPTIONS(OF_TENANT), user_list_run, NULL},
	{"user", "set", "USER [ROLE...]", 1, COMMAND_ANY, "make a user, or change its roles",
	 OPTIONS(OF_TENANT, FLAG("none", 0, "take all its roles away"),
		 FLAG("disable", 0, "let the user do nothing more; its waiting jobs fail when their turn comes"),
		 FLAG("enable", 0, "let a disabled user in again"),
		 FLAG("dry-run", 'n', "say what the user would gain and lose, and what acts for it, change nothing")),
	 user_set_run, "The roles given replace those it has; without any they stay as they are. No command removes\n"
	 "a user: --disable shuts it out, and its name stays taken."},
	{"access", "explain", "USER ACTION [OBJECT...]", 2, COMMAND_ANY, "say whether something is allowed, and why",
	 OPTIONS(OF_TENANT), access_explain_run,
	 "USER is a user's name or a key's id. OBJECT is a job, or what is known of one: owner=, queue=, model=,\n"
	 "region=, priority=, cost=; what is not given is as when a job is handed in that does not say. address= asks\n"
	 "for a key that comes from there.\n\n"
	 "  longhaul access explain ada job:cancel job_01h...\n"
	 "  longhaul access explain ada job:submit queue=bulk priority=2"},
	{"api-key", "create", "", 0, 0, "make a key for a tenant, or for operators",
	 OPTIONS(TEXT("tenant", 0, "NAME", "whose key it is; without one, with --roles: an operator's"),
		 OWN, KEY_FILE, TEXT("name", 0, "TEXT", "a name to know it by"),
		 TEXT("user", 0, "USER", "it acts for this user, with its roles"),
		 TEXT("roles", 0, "ROLES", "its own roles, with commas between (default: service)"),
		 TEXT("scope", 0, "SCOPES", "narrow it to these, as \"job:submit job:read\""),
		 DURATION("expires-in", 0, "it ends after this long (default: never)", 1, 10 * YEAR_S),
		 SHOW),
	 api_key_create_run,
	 "A key is shown once, when it is made: to a file, or with --show.\n\n"
	 "  longhaul api-key create --tenant acme --user ada --key-file ada.key\n"
	 "  longhaul api-key create --own --roles reader --expires-in 30d --key-file report.key"},
	{"api-key", "list", "", 0, 0, "show the operators' keys, or a tenant's, without their secrets",
	 OPTIONS(TEXT("tenant", 0, "NAME", "this tenant's keys (default: the operators')"), OWN),
	 api_key_list_run, NULL},
	{"api-key", "rotate", "KEY", 1, 1, "make a key's successor",
	 OPTIONS(DURATION("overlap", 0, "the old key works so long still (default: 24h)", 0, 30 * 86400),
		 KEY_FILE, SHOW, OWN, DRY_END),
	 api_key_rotate_run,
	 "The new key may what the old one may, and has its jobs."},
	{"api-key", "revoke", "KEY", 1, 1, "end a key, by its id, and all tokens it bought", OPTIONS(OWN, DRY_END),
	 api_key_revoke_run, NULL},
	{"issuer", "add", "ISSUER", 1, 1, "believe another issuer's tokens, for one tenant",
	 OPTIONS(TEXT("tenant", 0, "NAME", "whose people it vouches for (needed, or --own)"), OWN,
		 TEXT("audience", 0, "TEXT", "the aud that its tokens must have (needed)"),
		 TEXT("jwks-url", 0, "URL", "where it publishes its keys"),
		 PATH("secret-file", 0, "FILE", "or the secret it signs with (HS256), 32 bytes or more"),
		 TEXT("kid", 0, "TEXT", "the secret's key id"),
		 TEXTS("algorithm", "NAME", "EdDSA, ES256, RS256, PS256 (default: these four)"),
		 TEXT("roles-claim", 0, "NAME", "where its tokens name roles (default: roles)"),
		 ROLES),
	 issuer_add_run,
	 "The tenant comes from here, never from a token. Roles of theirs that are not mapped\n"
	 "are nothing here; '*=ROLE' is a role for everybody that it vouches for. Who has none may\n"
	 "do nothing.\n\n"
	 "  longhaul issuer add https://idp.example.org --tenant acme --audience longhaul \\\n"
	 "    --jwks-url https://idp.example.org/jwks.json --role engineers=submitter"},
	{"issuer", "list", "", 0, 0, "show the issuers that are believed",
	 OPTIONS(TEXT("tenant", 0, "NAME", "only this tenant's"), OWN), issuer_list_run, NULL},
	{"issuer", "remove", "ID", 1, 1, "believe an issuer no longer", OPTIONS(OWN, DRY_END), issuer_remove_run, NULL},
	{NULL, "revoke", "", 0, 0, "refuse what was given before a moment",
	 OPTIONS(TEXT("tenant", 0, "NAME", "of this tenant"),
		 TEXT("user", 0, "ID", "only to this user, usr_..., or whom this key acts as, key_..."),
		 TEXT("issuer", 0, "ISSUER", "only to somebody of this registered issuer, with --sub"),
		 TEXT("sub", 0, "NAME", "as the issuer's tokens call them, their sub"),
		 TEXT("token", 0, "ID", "only this token or its family, tok_... or fam_..."),
		 TEXT("network", 0, "NETWORK", "only to addresses such as 10.1.0.0/16"),
		 TEXT("before", 0, "TIME", "given before this time (default: now), or -2h"),
		 OWN, FLAG("everybody", 0, "all of the tenant; with --own it must be said"), DRY_END),
	 revoke_run,
	 "Tokens, refresh tokens and API keys alike; new ones may be had at once. Every\n"
	 "process knows within 5 s.\n\n"
	 "  longhaul revoke --tenant acme --user usr_01h455vb4pex5vsknk084sn02q\n"
	 "  longhaul revoke --issuer https://idp.example.org --sub ursula\n"
	 "  longhaul revoke --network 10.1.0.0/16 --dry-run\n"
	 "  longhaul revoke --own --network 10.1.0.0/16"},
	{"revocation", "list", "", 0, 0, "show what is refused, newest first",
	 OPTIONS(TEXT("tenant", 0, "NAME", "only this tenant's"), OWN), revocation_list_run,
	 "BY tells who asked for it last, CREDENTIAL by which key or token; an operator's stays one."},
	{"revocation", "remove", "ID", 1, 1, "take back what was revoked by mistake", OPTIONS(OWN),
	 revocation_remove_run,
	 "Of users, networks and whole tenants. Keys and tokens given before are good again, every\n"
	 "process knows within 5 s; families and jobs that ended meanwhile stay ended, and so does what\n"
	 "was ended by its id. With --own not what an operator revoked, nor what shuts out whoever asks\n"
	 "or the whole tenant."},

	{"approval", "list", "", 0, 0, "show what others ask for where two people are needed",
	 OPTIONS(OF_TENANT, CHOICE("state", "pending|approved|refused|used|expired|all", "those in this state (default: pending)")),
	 approval_list_run, "With --json each shows its call whole. Read it before you approve of it."},
	{"approval", "approve", "APPROVAL", 1, 1, "let who asked make the call, once", OPTIONS(OF_TENANT),
	 approval_approve_run, "Not by who asked, with whatever key, and not by a key that acts for no user."},
	{"approval", "refuse", "APPROVAL", 1, 1, "refuse it, or take back what you asked for", OPTIONS(OF_TENANT),
	 approval_refuse_run, NULL},
	{"two-people", "show", "", 0, 0, "say whether changes of roles, users and keys need two people",
	 OPTIONS(OF_TENANT), two_people_show_run, NULL},
	{"two-people", "on", "", 0, 0, "have a second person approve of such changes", OPTIONS(OF_TENANT),
	 two_people_on_run, "Needs a second person itself, who shows so that there is one."},
	{"two-people", "off", "", 0, 0, "let one person make such changes", OPTIONS(OF_TENANT),
	 two_people_off_run, "Needs a second person itself."},

	/* who did what */
	{"audit", "export", "FILE", 1, 1, "write the audit and its proofs to a file",
	 OPTIONS(CONFIG, NUMBER("from", 0, "begin at the checkpoint before this row (default: 0)", 0, INT64_MAX),
		 FLAG("force", 0, "write over a file that is there")),
	 audit_export_run,
	 "Reads the database itself, as its owner. A name that ends in .gz is compressed.\n"
	 "docs/audit.md explains the file."},
	{"audit", "verify", "FILE...", 1, COMMAND_ANY, "check exported or archived files, offline",
	 OPTIONS(PATH("key-file", 'k', "FILE", "public keys to trust, one a line, as audit key prints them"),
		 PATH("checkpoint", 0, "FILE", "a checkpoint from outside that the rows must meet"),
		 NUMBER("row", 0, "the row that --proof is about", 0, INT64_MAX),
		 PATH("proof", 0, "FILE", "write the proof that the row of --row is in the tree")),
	 audit_verify_run,
	 "Names the first row that is not as it was signed. Files are given in their order;\n"
	 "a file that --proof wrote is checked by itself.\n\n"
	 "  longhaul audit verify --key-file audit.pub --checkpoint checkpoint audit.gz\n"
	 "  longhaul audit verify --row 4711 --proof row.proof audit.gz"},
	{"audit", "anomalies", "", 0, 0, "show who does far more of something than ever before",
	 OPTIONS(CONFIG, DURATION("window", 0, "how long a time is looked at, up to now (default: 1h)", 60, YEAR_S),
		 DURATION("history", 0, "how long a time before that it is held against (default: 14d)", 60, YEAR_S),
		 NUMBER("times", 0, "tell who did so many times their mean (default: 10)", 1, 1000000),
		 NUMBER("least", 0, "tell nobody who did less than this (default: 100)", 1, 1000000000)),
	 audit_anomalies_run,
	 "Each is measured by its own history: MEAN and MOST are of windows as long before.\n"
	 "Reads the database itself, as its owner."},
	{"audit", "key", "", 0, 0, "print the public key of the checkpoints", OPTIONS(CONFIG),
	 audit_key_run, NULL},
	{"signing-key", "list", "", 0, 0, "show the keys that sign, without their secrets",
	 OPTIONS(TEXT("kind", 0, "KIND", "only those of tokens (token), of the audit (audit), or of webhooks (webhook)")),
	 signing_key_list_run,
	 "A key of tokens is next (published, signs soon), signs, verifies or has ended. One of the\n"
	 "audit that another followed verifies for ever what it signed. MARK tells a\n"
	 "webhook's secret from another. PREVIOUS UNTIL: the one before signs as well."},
	{"signing-key", "rotate", "[TENANT]", 0, 1, "make the next key of tokens, of the audit, or a tenant's webhook secret",
	 OPTIONS(TEXT("kind", 0, "KIND", "audit: the key of its checkpoints, on the host of its file"), CONFIG,
		 DURATION("signs-in", 0, "tokens: it is published so long before it signs (default: 15m)", 0,
			  30 * 86400),
		 PATH("webhook-secret-file", 0, "FILE",
		      "with TENANT, needed: write the secret to this new file, mode 0600"),
		 DURATION("overlap", 0, "with TENANT: the one before signs as well for so long (default: 1d)", 0,
			  30 * 86400)),
	 signing_key_rotate_run,
	 "Without TENANT: tokens of the key before stay good until they expire. With it: both\n"
	 "secrets sign during the overlap, receivers change over when they like; a further rotation\n"
	 "ends the overlap of the last."},
	{"signing-key", "emergency-rotate", "", 0, 0, "a key that signs tokens leaked: end all of them now",
	 OPTIONS(FLAG("dry-run", 'n', "say of which keys the tokens would be refused, change nothing")),
	 signing_key_emergency_run,
	 "A new key signs at once; every token that is out is refused within 5 s. Clients get\n"
	 "new ones with their API keys and refresh tokens, which are not touched."},

	COMMANDS_RECORD

	/* the installation and this program */
	{NULL, "bootstrap", "", 0, 0, "make the first operator, once",
	 OPTIONS(CONFIG, KEY_FILE, SHOW,
		 FLAG("another", 0, "a further operator, who counts as another person")), bootstrap_run,
	 "Works on the database itself, before anything else runs. A second use is\n"
	 "refused (exit code 7), but with --another: a key that an operator makes is\n"
	 "that operator's where two people are needed, one that is made here is not."},
	{NULL, "migrate", "", 0, 0, "bring the database to this version",
	 OPTIONS(CONFIG, FLAG("dry-run", 'n', "say what would be done, change nothing")), migrate_command_run,
	 "Safe to run at any time, and twice at once."},
	{NULL, "check-config", "[FILE]", 0, 1, "read a configuration, say all that is wrong",
	 OPTIONS(CONFIG, FLAG("offline", 0, "try neither the database nor upstreams"),
		 FLAG("sample", 0, "print a sample configuration instead"),
		 FLAG("reference", 0, "print docs/configuration.md instead")),
	 check_config_run,
	 "Says also what the database promises: whether commits survive a crash and a\n"
	 "fail-over, and whether a pooler hides the death of a worker. Upstreams that cannot be\n"
	 "reached from here, and models without a price, are told with their line and are no mistake."},
	{NULL, "demo", "", 0, 0, "a first run, explained, from a checkout",
	 OPTIONS(FLAG("lite", 0, "with Postgres alone: no Kafka, no Redis")), demo_run, NULL},
	{NULL, "completion", "SHELL", 1, 1, "print completion for bash, zsh or fish", NONE,
	 completion_run,
	 "  bash: longhaul completion bash > ~/.local/share/bash-completion/completions/longhaul\n"
	 "  zsh:  longhaul completion zsh > a folder of $fpath/_longhaul\n"
	 "  fish: longhaul completion fish > ~/.config/fish/completions/longhaul.fish"},
	{NULL, "help", "[COMMAND]", 0, 2, "explain a command, or all of them",
	 OPTIONS(FLAG("markdown", 0, "print the help of all commands, as docs/cli.md"),
		 FLAG("metrics", 0, "print what is measured, as docs/metrics.md")), help_run, NULL},
	{NULL, "version", "", 0, 0, "print the version", NONE, version_run, NULL},
	{NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL},
};
/* clang-format on */

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

const struct command *command_find(const char *noun, const char *verb)
{
	for (const struct command *c = command_table; c->verb; c++)
		if (same(c->noun, noun) && strcmp(c->verb, verb) == 0)
			return c;
	return NULL;
}

bool command_is_noun(const char *word)
{
	for (const struct command *c = command_table; c->verb; c++)
		if (c->noun && strcmp(c->noun, word) == 0)
			return true;
	return false;
}

bool option_has_words(const struct option *option)
{
	return option->kind == OPTION_CHOICE || option->kind == OPTION_CHOICES;
}

static const struct option *among(const struct option *options, const char *name, size_t len)
{
	for (; options->name; options++)
		if (strlen(options->name) == len && memcmp(options->name, name, len) == 0)
			return options;
	return NULL;
}

const struct option *command_option(const struct command *command, const char *name, size_t len)
{
	const struct option *own = among(command->options, name, len);

	return own ? own : among(command_shared, name, len);
}
