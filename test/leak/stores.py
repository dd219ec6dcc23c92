"""Where things rest: the files of every store of a stack, and one clear marker in each.

Planting shows that a store is looked at, and in the form in which it keeps things: a store that
were skipped, or could not be read, would not show what was planted there.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from leak.spellings import Spellings

LARGE = 6000  # a text that Postgres compresses before it moves it out of line


@dataclass(frozen=True)
class Store:
    """A name, the files that it keeps, and how something is put there in clear."""

    name: str
    files: Callable[[Any], Iterator[Path]]
    settle: Callable[[Any], None]
    plant: Callable[[Any, str], None]


@dataclass(frozen=True)
class Find:
    store: str
    file: str
    form: str

    def __str__(self) -> str:
        return f"{self.store}: {self.file}: {self.form}"


def below(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


# ---- Postgres: tables, indexes, TOAST, dead rows; and its log ----


def pg_tables(stack: Any) -> Iterator[Path]:
    return below(stack.layout.data / "postgres" / "base")


def pg_log(stack: Any) -> Iterator[Path]:
    return below(stack.layout.data / "postgres" / "pg_wal")


def pg_settle(stack: Any) -> None:
    stack.psql("checkpoint")


def pg_plant(stack: Any, marker: str) -> None:
    """One short value, and one that is compressed and moved out of line."""
    with psycopg.connect(stack.env["LONGHAUL_PG_URL"], autocommit=True) as record:
        record.execute("create table if not exists leak_plant (at int, value text)")
        record.execute("insert into leak_plant values (1, %s)", (marker,))
        filler = " ".join(str(n * n) for n in range(LARGE // 4))
        record.execute("insert into leak_plant values (2, %s)", (filler + marker + filler,))


# ---- Redis: its dump ----


def redis_of(stack: Any) -> redis.Redis:
    return redis.Redis.from_url(stack.env["LONGHAUL_REDIS_LIMITS"])


def redis_files(stack: Any) -> Iterator[Path]:
    return below(stack.layout.data / "redis-limits")


def redis_settle(stack: Any) -> None:
    redis_of(stack).save()


def redis_plant(stack: Any, marker: str) -> None:
    redis_of(stack).set("leak:plant", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + marker)


# ---- Kafka: its log ----


def kafka_files(stack: Any) -> Iterator[Path]:
    return below(stack.layout.data / "kafka")


def kafka_plant(stack: Any, marker: str) -> None:
    servers = {"bootstrap.servers": stack.env["LONGHAUL_KAFKA"]}
    admin = AdminClient(servers)
    for made in admin.create_topics([NewTopic("leak.plant", 1, 1)]).values():
        made.result(120)
    producer = Producer(servers)
    producer.produce("leak.plant", marker.encode())
    assert producer.flush(120) == 0


# ---- logs of everything ----


def log_files(stack: Any) -> Iterator[Path]:
    return below(stack.layout.log)


def log_plant(stack: Any, marker: str) -> None:
    (stack.layout.log / "leak-plant.log").write_text(f'{{"words":"{marker}"}}\n')


def nothing(stack: Any) -> None:
    """Written as it comes."""


STORES = (
    Store("Postgres' tables", pg_tables, pg_settle, pg_plant),
    Store("Postgres' log", pg_log, pg_settle, pg_plant),
    Store("Redis' dump", redis_files, redis_settle, redis_plant),
    Store("Kafka's log", kafka_files, nothing, kafka_plant),
    Store("logs", log_files, nothing, log_plant),
)


def bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data[:]
    except (ValueError, FileNotFoundError):  # it is empty, or its store gave it up meanwhile
        return b""


def settle(stack: Any) -> None:
    """What is still in memory goes to files."""
    for store in STORES:
        store.settle(stack)


def scan(stack: Any, *wanted: Spellings) -> list[list[Find]]:
    """For each stem every place where it stands, in every store as it was settled last."""
    found: list[list[Find]] = [[] for _ in wanted]
    for store in STORES:
        for path in store.files(stack):
            data, name = bytes_of(path), str(path.relative_to(stack.layout.root))
            for finds, spellings in zip(found, wanted, strict=True):
                finds += [Find(store.name, name, form) for form in spellings.found_in(data)]
    return found
