"""Row security as it stands: what each program may see of whom, and that every policy matters.

All of it in a database of its own, in one transaction that grants the programs every table: what
is left is row security alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

pytestmark = [pytest.mark.usefixtures("stack"), pytest.mark.promises("S1.6")]

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
PROGRAMS = ("longhaul_producer", "longhaul_worker", "longhaul_scheduler")
PRODUCER, WORKER, SCHEDULER = PROGRAMS
SYSTEM = "00000000-0000-0000-0000-000000000000"
OWN, OTHER = "10000000-0000-7000-8000-000000000000", "20000000-0000-7000-8000-000000000000"

# Id tables: who sees the rows of tenants that the transaction did not name.
SEES_ALL = {
    "tenant": {PRODUCER, SCHEDULER},  # their ids: it walks by tenant
    "api_key": {PRODUCER, WORKER},
    "job": {WORKER, SCHEDULER},
    "job_ready": {WORKER, SCHEDULER},
    "ready_head": {WORKER, SCHEDULER},
    "job_due": {WORKER, SCHEDULER},
    "job_lease": {WORKER, SCHEDULER},
    "job_done": {WORKER, SCHEDULER},
    "delivery": {WORKER, SCHEDULER},
    "delivery_attempt": {WORKER},
    "worker_notice": set(PROGRAMS),
    "worker_crash": {WORKER, SCHEDULER},
    "tenant_limit": set(PROGRAMS),
    "idempotency": {SCHEDULER},  # those that have expired
    "access_version": {PRODUCER},
    "tenant_plan": {PRODUCER, WORKER},
    "audit": {SCHEDULER},  # its sequencer reads ids and pseudonyms
    "subject_key": {SCHEDULER},  # wrapped: it wraps them by the next epoch
    "app_user": {WORKER},
    "user_role": {WORKER},
    "role_parent": {WORKER},
    "role_grant": {WORKER},
    "issuer": {PRODUCER},  # a token's issuer is found by its name alone
    "revocation": set(PROGRAMS),  # ids and moments
    "refresh_family": {SCHEDULER},  # those that have expired
    "refresh_token": {SCHEDULER},
}


@dataclass
class Checked:
    record: psycopg.Connection
    owner: str
    tables: dict[str, list[tuple[str, str]]]


def value(name: str, kind: str, tenant: str) -> Any:
    """One that fits any column of this type; no two rows alike where it must be unique."""
    if name == "tenant_id":
        return sql.Literal(tenant)
    plain = {
        "uuid": "id_make()",
        "bytea": "sha256(gen_random_uuid()::text::bytea)",
        "timestamp with time zone": "now()",
        "date": "now()::date",
        "boolean": "true",
        "text": "'x' || substr(gen_random_uuid()::text, 1, 8)",
        "job_state": "'completed'",
        "ARRAY": "'{}'",
    }
    named = {
        "wrapped": "decode(repeat('00', 80), 'hex')",
        "expires_at": "now() - interval '1 hour'",
        "address": "decode(repeat('00', 16), 'hex')",
        "kind": "'user'",
        "seq": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    }
    return sql.SQL(named.get(name) or plain.get(kind, "1"))


def needed(record: psycopg.Connection, table: str) -> list[tuple[str, str]]:
    """The columns that a row cannot do without, and their types."""
    return record.execute(
        "select column_name, case when data_type = 'USER-DEFINED' then udt_name else data_type end"
        " from information_schema.columns where table_name = %s and is_nullable = 'NO'"
        " and (column_default is null or column_name in ('tenant_id', 'operator'))"
        " and is_identity = 'NO' and is_generated = 'NEVER' order by 1",
        [table],
    ).fetchall()


def insert(checked: Checked, table: str, tenant: str) -> sql.Composed:
    columns = checked.tables[table]
    return sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns),
        sql.SQL(", ").join(value(name, kind, tenant) for name, kind in columns),
    )


@pytest.fixture(scope="module")
def checked(pg_url: str) -> Iterator[Checked]:
    name = "isolation"
    with psycopg.connect(pg_url, autocommit=True) as main:
        row = main.execute(
            "select pg_get_userbyid(relowner) from pg_class where relname = 'job'"
        ).fetchone()
        assert row
        owner: str = row[0]
        main.execute(f"drop database if exists {name}")
        main.execute(
            sql.SQL("create database {} owner {}").format(
                sql.Identifier(name), sql.Identifier(owner)
            )
        )
    with psycopg.connect(pg_url, dbname=name) as record:
        record.execute(sql.SQL("set role {}").format(sql.Identifier(owner)))
        for path in sorted(MIGRATIONS.glob("*.sql")):
            record.execute(path.read_bytes())
        record.commit()
        record.execute("reset role")
        record.commit()
        tables = [
            row[0]
            for row in record.execute(
                "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
                " where a.attname = 'tenant_id' and c.relkind in ('r', 'p')"
                " and not c.relispartition"
                " and c.relnamespace = 'public'::regnamespace order by 1"
            )
        ]
        yield Checked(record, owner, {table: needed(record, table) for table in tables})
        record.rollback()
    with psycopg.connect(pg_url, autocommit=True) as main:
        main.execute(f"drop database {name}")


@pytest.fixture
def filled(checked: Checked) -> Iterator[Checked]:
    """A row of each of three tenants in every table, and every right on every table."""
    record = checked.record
    with record.transaction(force_rollback=True):
        record.execute("set local session_replication_role = replica")
        for table in checked.tables:
            for tenant in (OWN, OTHER, SYSTEM):
                record.execute(insert(checked, table, tenant))
        for role in PROGRAMS:
            record.execute(f"grant all on all tables in schema public to {role}")
        record.execute("select set_config('app.tenants', %s, true)", [OWN])
        yield checked


def may(checked: Checked, role: str, table: str) -> tuple[Any, ...]:
    """Rows seen, and rows that may be added: of one's own tenant, another's, the installation's."""
    record, answers = checked.record, []
    record.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    seen = record.execute(
        sql.SQL("select distinct tenant_id::text from {}").format(sql.Identifier(table))
    ).fetchall()
    answers += [(tenant,) in seen for tenant in (OWN, OTHER, SYSTEM)]
    record.execute("reset role")
    for tenant in (OWN, OTHER, SYSTEM):
        statement = insert(checked, table, tenant)
        try:
            with record.transaction(force_rollback=True):
                record.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
                record.execute(statement)
            answers.append(True)
        except psycopg.errors.InsufficientPrivilege:
            answers.append(False)
        except psycopg.errors.UniqueViolation:
            answers.append(True)  # row security is asked first
    return tuple(answers)


def all_may(checked: Checked, table: str) -> dict[str, tuple[Any, ...]]:
    return {role: may(checked, role, table) for role in (*PROGRAMS, checked.owner)}


def test_a_program_sees_the_tenants_it_names_and_what_is_listed(filled: Checked) -> None:
    for table in filled.tables:
        for role in PROGRAMS:
            own, other, *_ = may(filled, role, table)
            assert own, f"{role} does not see its own tenant's {table}"
            assert other == (role in SEES_ALL.get(table, set())), f"{role} and others' {table}"


def test_every_policy_matters(filled: Checked) -> None:
    """Each is dropped in turn, or opened: what is seen or written must differ, or it is idle."""
    policies = filled.record.execute(
        "select tablename, policyname, cmd from pg_policies"
        " where schemaname = 'public' order by 1, 2"
    ).fetchall()
    idle = []
    usual = {table: all_may(filled, table) for table in filled.tables}
    for table, policy, command in policies:
        if table not in usual:
            continue
        names = sql.Identifier(policy), sql.Identifier(table)
        drop = sql.SQL("drop policy {} on {}").format(*names)
        opens = {
            "INSERT": sql.SQL("alter policy {} on {} with check (true)"),
            "SELECT": sql.SQL("alter policy {} on {} using (true)"),
        }.get(command, sql.SQL("alter policy {} on {} using (true) with check (true)"))
        changes = [drop, opens.format(*names)] if policy == "by_tenant" else [drop]
        for change in changes:
            with filled.record.transaction(force_rollback=True):
                filled.record.execute(change)
                if all_may(filled, table) == usual[table]:
                    idle.append((table, policy, change.as_string()))
    assert not idle


def test_row_security_is_forced_and_nothing_goes_around_it(checked: Checked) -> None:
    ask = checked.record.execute
    bare = ask(
        "select relname from pg_class where relname = any(%s)"
        " and not (relrowsecurity and relforcerowsecurity)",
        [list(checked.tables)],
    ).fetchall()
    assert not bare, "row security is enabled and forced on every table with a tenant"
    roles = ask(
        "select rolname from pg_roles where rolname = any(%s) and (rolsuper or rolbypassrls)",
        [list(PROGRAMS)],
    ).fetchall()
    assert not roles, "no program is above it"
    owned = ask(
        "select relname from pg_class where pg_get_userbyid(relowner) = any(%s)", [list(PROGRAMS)]
    ).fetchall()
    assert not owned, "programs own nothing"
    truncates = ask(
        "select table_name, grantee from information_schema.role_table_grants"
        " where privilege_type = 'TRUNCATE' and grantee = any(%s)",
        [list(PROGRAMS)],
    ).fetchall()
    assert not truncates, "TRUNCATE knows no row security"
    views = ask(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and"
        " (relkind = 'm' or (relkind = 'v' and not coalesce(reloptions, '{}')"
        "  && array['security_invoker=true', 'security_invoker=on']))"
    ).fetchall()
    assert not views, "a view reads as its owner"


def test_keys_begin_with_the_tenant(checked: Checked) -> None:
    """Unique and foreign keys see through policies: they would tell of another tenant's values."""
    # who may tell: random bytes, ids, and names that operators give
    random = {
        ("api_key", "api_key_hash_key"),
        ("api_key", "api_key_by_id"),
        ("tenant", "tenant_name_key"),
        ("issuer", "issuer_iss_key"),  # of the installation: a token's iss has one tenant
        ("issuer", "issuer_by_id"),
        ("revocation", "revocation_by_seq"),
        ("revocation", "revocation_by_id"),
    }
    led = {
        ("job_lease", "job_lease_pkey"): "worker_id",
        ("worker_notice", "worker_notice_pkey"): "worker_id",
        ("worker_crash", "worker_crash_pkey"): "worker_id",
    }
    rows = checked.record.execute(
        "select t.relname, i.relname, a.attname from pg_index x"
        " join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid"
        " join pg_attribute a on a.attrelid = t.oid and a.attnum = x.indkey[0]"
        " where x.indisunique and t.relname = any(%s)",
        [list(checked.tables)],
    ).fetchall()
    wrong = [
        (table, index, column)
        for table, index, column in rows
        if column != led.get((table, index), "tenant_id") and (table, index) not in random
    ]
    assert not wrong
    foreign = checked.record.execute(
        "select c.conname from pg_constraint c join pg_class t on t.oid = c.conrelid"
        " join pg_attribute a on a.attrelid = t.oid and a.attnum = c.conkey[1]"
        " where c.contype = 'f' and t.relname = any(%s) and a.attname <> 'tenant_id'",
        [list(checked.tables)],
    ).fetchall()
    assert not foreign


def test_a_setting_that_was_left_empty_shows_nothing(checked: Checked) -> None:
    """Behind a committed SET LOCAL the setting is the empty text, not null."""
    with checked.record.transaction(force_rollback=True):
        for text in ("", OWN):
            checked.record.execute("select set_config('app.tenants', %s, true)", [text])
            checked.record.execute(f"set local role {PRODUCER}")
            row = checked.record.execute("select count(*) from job").fetchone()
            assert row == (0,)
            checked.record.execute("reset role")
