"""The stage of a benchmark: a stack of its own, many tenants, a queue to pause and to watch."""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from longhaul_dev.fault import Fault
from longhaul_dev.stack import Stack

from longhaul_bench.native import Native

TENANTS = 100
FILLERS = 3
BULK_LINES = 1000
QUEUE = "default"
END_S = 240.0
POLL_S = 0.5  # each look costs the machine under test some milliseconds


class Stage:
    """Builds stacks for one revision; `play` gives one for as long as a block lasts."""

    def __init__(self, folder: Path, build: Path | None = None) -> None:
        self.folder = folder
        self.build = build

    @contextmanager
    def play(self, tenants: int = TENANTS, **shape: Any) -> Iterator["Play"]:
        """A fresh stack; `shape` goes to Stack.up. Its folder stays when the block failed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        stack = Stack(self.folder)
        try:
            stack.up(build=self.build, **shape)
            yield Play(stack, tenants)
        except BaseException:
            stack.down(drain_s=1.0)
            raise
        stack.down(purge=True, drain_s=5.0)


class Play:
    """A running stack and its tenants."""

    def __init__(self, stack: Stack, tenants: int) -> None:
        self.stack = stack
        self.url = stack.env["LONGHAUL_URL"]
        self.admin = Native(stack.env["LONGHAUL_ADMIN_URL"], stack.env["LONGHAUL_ADMIN_KEY"])
        with ThreadPoolExecutor(FILLERS) as pool:
            self.keys = list(pool.map(self._tenant, range(tenants)))
        self.clients = [Native(self.url, key) for key in self.keys]

    def _tenant(self, number: int) -> str:
        name = f"bench{number}"
        self.admin.json("POST", "/v1/tenants", {"name": name})
        return str(self.admin.json("POST", "/v1/api-keys", {"tenant": name})["key"])

    def keys_file(self, name: str = "load") -> Path:
        """The keys, one a line, for the load generator of that name."""
        return self.file(f"{name}-keys", "\n".join(self.keys) + "\n")

    def file(self, name: str, text: str) -> Path:
        path = self.stack.var / f"bench-{name}"
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        return path

    # Queues.

    def queue(self, name: str, verb: str) -> None:
        """pause, resume or drain."""
        self.admin.call("POST", f"/v1/queues/{name}/{verb}")

    def make_queue(self, name: str) -> None:
        self.admin.call("PATCH", f"/v1/queues/{name}", {"weight": 1})

    # Jobs.

    def fill(self, count: int, line: Callable[[int], bytes]) -> list[str]:
        """Submits count jobs in bulk, spread over all tenants; their ids."""
        starts = range(0, count, BULK_LINES)

        def part(start: int) -> list[str]:
            lines = [line(n) for n in range(start, min(start + BULK_LINES, count))]
            return self.clients[start // BULK_LINES % len(self.clients)].bulk(lines)

        with ThreadPoolExecutor(FILLERS) as pool:
            return [job for ids in pool.map(part, starts) for job in ids]

    def wait_ended(self, queue: str = QUEUE, deadline_s: float = END_S) -> None:
        """Until nothing of the queue is ready, waits or runs. By its heads: of a million rows of
        other queues a look must not read any."""
        ready = (
            "exists (select from job_ready r"
            " where (r.tenant_id, r.queue_id) = (h.tenant_id, h.queue_id))"
        )
        sql = " union all ".join(
            f"(select 1 from {table} t join queue using (queue_id) where name = '{queue}' limit 1)"
            for table in (f"(select * from ready_head h where {ready})", "job_due", "job_lease")
        )
        self.wait(lambda: not self.stack.psql(sql), f"the end of all jobs of {queue}", deadline_s)

    def wait(self, check: Callable[[], Any], what: str, deadline_s: float) -> None:
        end = time.monotonic() + deadline_s
        while not check():
            if time.monotonic() > end:
                raise Fault(f"not within {deadline_s:g} s: {what}")
            time.sleep(POLL_S)

    def now(self) -> float:
        """The record's time, in unix seconds."""
        return float(self.number("select extract(epoch from clock_timestamp())"))

    def number(self, sql: str) -> float:
        return float(self.stack.psql(sql)[0][0] or 0)

    def finished(self, since: float, state: str = "completed") -> tuple[int, float]:
        """How many jobs ended so since then, and when the last of them did."""
        row = self.stack.psql(
            "select count(*), coalesce(extract(epoch from max(finished_at)), 0) from job_done "
            f"where state = '{state}' and finished_at >= to_timestamp({since!r})"
        )[0]
        return int(row[0]), float(row[1])

    # The simulator.

    def calls(self, query: str = "", after: int = 0) -> list[dict[str, Any]]:
        """The call log behind that number, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._simulator("GET", f"/calls?after={after}&limit=50000{query}")
            found += page["data"]
            after = page["next"]
            if not page["has_more"]:
                return found

    def forget_calls(self) -> None:
        self._simulator("DELETE", "/calls")

    def _simulator(self, method: str, path: str) -> Any:
        url = self.stack.env["LONGHAUL_SIM_URL"].removesuffix("/").removesuffix("/v1") + path
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as r:
            return json.loads(r.read())
