"""A stack: Postgres, two Redis, Kafka, the simulator and the three programs, in one folder.

    from longhaul_dev.stack import Stack

    stack = Stack(Path("var/test/crash"))
    stack.up(workers=2, config_overrides={"worker": {"slots": 10}})
    stack.env["LONGHAUL_URL"]                 # what stack.env says
    stack.signal("worker-1", signal.SIGKILL)  # the supervisor starts it again
    stack.stop("worker-2", signal.SIGKILL)    # stays away until stack.start("worker-2")
    stack.stop("kafka"); stack.wipe("kafka"); stack.start("kafka")
    stack.psql("select count(*) from job")
    stack.down(purge=True)

Every call returns when what it promises is so, or raises a Fault by its deadline. Calls may
come from any thread; two `up` of the same folder take turns.

Names: postgres, redis-limits, redis-cache, kafka, simulator, producer-N, worker-N, scheduler-N.
"""

import fcntl
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from longhaul_dev import build
from longhaul_dev.account import service_account
from longhaul_dev.config import planned_texts, reloaded_texts, write_configs
from longhaul_dev.control import Control
from longhaul_dev.fault import Fault
from longhaul_dev.kafka import Kafka
from longhaul_dev.layout import REPOSITORY, Layout, open_layout
from longhaul_dev.leftovers import end_leftovers
from longhaul_dev.origin import Origin
from longhaul_dev.plan import Plan, metrics_port, serves_metrics
from longhaul_dev.postgres import Postgres
from longhaul_dev.program import environment, program_spec, simulator_spec
from longhaul_dev.readiness import http_answers, line_words, log_end
from longhaul_dev.redis import Redis
from longhaul_dev.reload_check import check_texts, unreachable
from longhaul_dev.spec import Spec
from longhaul_dev.stackfile import read_stackfile, stack_values, url, write_stackfile
from longhaul_dev.tenants import Tenants
from longhaul_dev.wait import until

SERVICE_READY_S = 120.0
PROGRAM_READY_S = 120.0
STOP_MARGIN_S = 15.0
PROGRAMS = ("producer-", "worker-", "scheduler-")
REFUSED = "configuration not reloaded"
RELOAD_ENDS = (REFUSED, "configuration read again")
"""One of these is the last word of a program on its file."""


class Service(Protocol):
    """Postgres, Kafka, a Redis: prepared, run, asked whether it answers, wiped."""

    name: str

    def prepare(self) -> None: ...
    def spec(self, env: dict[str, str]) -> Spec: ...
    def answers(self) -> bool: ...
    def wipe(self) -> None: ...


class Stack:
    """One stack folder and what runs in it."""

    def __init__(self, var: Path | str | None = None) -> None:
        self.var = Path(var) if var else REPOSITORY / "var"
        self._layout = open_layout(self.var, service_account())
        self._control = Control(self._layout)
        self._state = self._read_state()

    # Up and down.

    def up(
        self,
        *,
        workers: int = 1,
        producers: int = 1,
        schedulers: int = 1,
        supervise: bool = True,
        lite: bool = False,
        programs: bool = True,
        build: Path | None = None,
        config_overrides: dict[str, Any] | None = None,
        program_env: dict[str, str] | None = None,
        postgres_env: dict[str, str] | None = None,
    ) -> "Stack":
        """Brings the stack to this shape from whatever shape it is in, and waits until it answers.

        `lite` is Postgres alone; `programs=False` leaves out simulator and our programs;
        `build` is the folder of the binaries; `config_overrides` is laid over longhaul.yaml of
        every program; `program_env` is added to the environment of our programs, `postgres_env`
        to that of Postgres. What runs already is left alone unless its binary or its configuration
        changed.
        """
        plan = Plan(
            workers,
            producers,
            schedulers,
            supervise,
            lite,
            programs,
            build,
            config_overrides or {},
            program_env or {},
            postgres_env or {},
        )
        with self._turn():
            self._bring_up(plan)
        return self

    def down(self, *, purge: bool = False, drain_s: float = 40.0) -> None:
        """Ends every process; `purge` removes data too. Workers get drain_s to finish jobs."""
        with self._turn():
            if self._control.alive():
                self._end_all(drain_s)
            end_leftovers(self._layout)
            self._layout.stack_env.unlink(missing_ok=True)
        if purge:
            self._layout.purge()
        self.remove_if_empty()

    def remove_if_empty(self) -> None:
        """Removes the folder, and the link that led there, once nothing is in it."""
        if self._layout.root.is_dir() and not any(self._layout.root.iterdir()):
            self._layout.root.rmdir()
        if self.var.is_symlink() and not self.var.exists():
            self.var.unlink()

    def __enter__(self) -> "Stack":
        return self

    def __exit__(self, *_: object) -> None:
        self.down(drain_s=1.0)

    # One process.

    def start(self, name: str, *, ready: bool = True) -> int:
        """Starts a stopped process; with `ready`, returns once it answers. Its process id."""
        pid: int = self._control.call("start", name=name)["pid"]
        if ready:
            self._wait_answers(name)
        return pid

    def stop(self, name: str, how: int | None = None, *, timeout_s: float | None = None) -> int:
        """Ends a process for good and waits for its end; its exit code (negative: the signal).

        `how` is the signal (by default the one it likes best), SIGKILL follows after timeout_s.
        """
        call_s = (timeout_s or 60.0) + STOP_MARGIN_S
        reply = self._control.call("stop", call_s, name=name, signal=how, timeout_s=timeout_s)
        if not reply["ended"]:
            raise Fault(f"{name} could not be ended.")
        return int(reply["exit"] or 0)

    def restart(self, name: str, how: int | None = None) -> int:
        """stop, start, and ready again."""
        self.stop(name, how)
        return self.start(name)

    def signal(self, name: str, number: int) -> int:
        """Sends a signal and nothing more; a supervised program that dies of it comes back.

        The process id it went to. SIGSTOP and SIGCONT go through here as well.
        """
        pid = self._control.call("signal", name=name, signal=int(number))["pid"]
        if not pid:
            raise Fault(f"{name} is not running.")
        return int(pid)

    def reload(self) -> dict[str, list[str]]:
        """Lays local.yaml over the configuration anew and lets every program read it (SIGHUP).

        Every program's file is checked before any is written: a Fault says what is wrong in
        local.yaml. What each program said: its log's words on it, with local.yaml's lines; and
        which "upstreams" cannot be reached. A file that a program refuses, as it needs a restart,
        is put back, so that the next `up`, which restarts what changed, finds it changed;
        longhaul.yaml with it.
        """
        with self._turn():
            names = [n for n in self.status() if n.startswith(PROGRAMS)]
            if not names:
                raise Fault(f"nothing runs in {self._layout.root}; `make up` reads local.yaml.")
            texts = reloaded_texts(self._layout, self._ports(), names)
            check_texts(self._layout, texts)
            origin = Origin(self._layout, texts)
            before = {path: path.read_text() for path in texts}
            for path, text in texts.items():
                self._layout.write(path, text)
            said = {name: self._reload_one(name) for name in names if self.pid(name)}
            refused = [n for n, words in said.items() if any(REFUSED in word for word in words)]
            back = [self._layout.program_config(name) for name in refused]
            for path in [*back, self._layout.config] if back else []:
                self._layout.write(path, before[path])
        told = {name: [origin.told(word) for word in words] for name, words in said.items()}
        return told | {"upstreams": unreachable(self._layout, origin)}

    def _reload_one(self, name: str) -> list[str]:
        seen = len(self.log(name))
        pid = self._control.call("signal", name=name, signal=int(signal.SIGHUP))["pid"]

        def news() -> list[str]:
            lines = self.log(name)[seen:].splitlines()
            return [line for line in lines if '"configuration' in line]

        until(
            lambda: self.pid(name) != pid or any(e in line for line in news() for e in RELOAD_ENDS),
            PROGRAM_READY_S,
            f"{name} reading its configuration again",
        )
        return [line_words(line) for line in news()] or ["ended meanwhile: it begins with the file"]

    def wait_exit(self, name: str, timeout_s: float = 120.0) -> int:
        """Waits until an unsupervised process has ended by itself; its exit code."""
        reply = self._control.call("wait", timeout_s + 5, name=name, timeout_s=timeout_s)
        if not reply["ended"]:
            raise Fault(f"{name} still runs after {timeout_s:g} s.")
        return int(reply["exit"] or 0)

    def wait_restart(self, name: str, old_pid: int, timeout_s: float = 120.0) -> int:
        """Waits until the supervisor runs another process under this name; its process id."""
        until(lambda: self.pid(name) not in (None, old_pid), timeout_s, f"{name} starting again")
        new = self.pid(name)
        assert new is not None
        return new

    def wipe(self, name: str) -> None:
        """Forgets the data of a stopped service (kafka: topics, messages, offsets)."""
        if self.pid(name):
            raise Fault(f"{name} runs; stop it before its data is wiped.")
        self._services()[name].wipe()

    # Looking.

    @property
    def env(self) -> dict[str, str]:
        """The values of stack.env."""
        if not self._layout.stack_env.exists():
            raise Fault(f"{self._layout.stack_env} is missing; run `make up`.")
        return read_stackfile(self._layout.stack_env)

    @property
    def layout(self) -> Layout:
        """Paths of the folder."""
        return self._layout

    @property
    def config(self) -> Path:
        """longhaul.yaml, which the command line reads; etc/NAME.yaml is each program's own."""
        return self._layout.config

    @property
    def profile(self) -> Path:
        """The profile with which the command line reaches this stack."""
        return self._layout.profile

    def status(self) -> dict[str, dict[str, Any]]:
        """Name -> pid (None when not running), wanted, starts, restarting (it ended young, and
        has not lived long since; whether it answers was not asked), last_exit; empty when down."""
        if not self._control.alive():
            return {}
        processes: dict[str, dict[str, Any]] = self._control.call("status")["processes"]
        return processes

    def pid(self, name: str) -> int | None:
        """The process id, None when it does not run."""
        pid: int | None = self.status().get(name, {}).get("pid")
        return pid

    def log(self, name: str) -> str:
        """The whole log of a process."""
        return self._layout.log_file(name).read_text(encoding="utf-8", errors="replace")

    def address(self, name: str) -> str:
        """Where a process serves what operators look at; empty when it has no such address."""
        port = self._ports().get(metrics_port(name) if serves_metrics(name) else f"{name}-admin")
        return f"http://127.0.0.1:{port}/metrics" if port else ""

    def psql(self, sql: str, timeout_s: float = 60.0) -> list[list[str]]:
        """Runs SQL as superuser in the database longhaul: rows of columns, as text."""
        rows = Postgres(self._layout, self._ports()).query(sql, timeout_s=timeout_s)
        return [line.split("\t") for line in rows.splitlines()]

    def longhaul(self, *words: str, timeout_s: float = 60.0) -> str:
        """Runs the command line with this stack's profile; what it wrote to standard output."""
        program, profile = str(self._layout.bin / "longhaul"), str(self._layout.profile)
        command = [program, *words, "--profile", profile]
        env = environment(self._layout)
        run = self._layout.account.run(command, env=env, timeout_s=timeout_s)
        if run.returncode:
            raise Fault(f"longhaul {' '.join(words)}: {run.stderr.strip()}")
        return run.stdout

    # How up is done.

    def _bring_up(self, plan: Plan) -> None:
        self._layout.create()
        changed = (
            build.install(self._layout, build.build_folder(plan.build)) if plan.programs else set()
        )
        self._control.launch()
        self._claim_ports(plan)
        moved = self._configure(plan) if plan.programs else set()
        self._end_surplus(plan)
        self._start_services(plan)
        if plan.programs:
            self._start_programs(plan, changed, moved)
        write_stackfile(self._layout, stack_values(self._layout, self._ports(), plan))

    def _configure(self, plan: Plan) -> set[str]:
        """One's own values are looked at before anything is written: a Fault says what is wrong in
        local.yaml, and what runs goes on as it was. A first `up` has no secrets yet that a program
        could look at; there `longhaul migrate` refuses them."""
        if self._layout.local.exists() and self._layout.stack_env.exists():
            check_texts(self._layout, planned_texts(self._layout, self._ports(), plan)[1])
        return write_configs(self._layout, self._ports(), plan)

    def _claim_ports(self, plan: Plan) -> None:
        known = self._state.get("ports", {})
        wanted = {name: known.get(name) for name in plan.port_names()}
        claimed = self._control.call("ports", ports=wanted)["ports"]
        self._state = {"ports": {**known, **claimed}, "lite": plan.lite}
        self._layout.write(self._layout.state, json.dumps(self._state, indent=1) + "\n", 0o600)

    def _end_surplus(self, plan: Plan) -> None:
        wanted = {"simulator", *plan.program_names(), *self._services()}
        for name in self.status():
            if name not in wanted:
                self.stop(name)
                self._control.call("forget", name=name)

    def _start_services(self, plan: Plan) -> None:
        """All at once; the record is brought to this version while the broker still starts."""
        jobs: list[Callable[[], None]] = [
            lambda service=service: self._start_service(service)  # type: ignore[misc]
            for service in self._services().values()
            if not isinstance(service, Postgres)
        ]
        jobs.append(lambda: self._start_record(plan))
        if plan.programs:
            jobs.append(self._start_simulator)
        with ThreadPoolExecutor(len(jobs)) as pool:
            for done in [pool.submit(job) for job in jobs]:
                done.result()

    def _start_service(self, service: Service, extra: dict[str, str] | None = None) -> None:
        if not self.pid(service.name):
            service.prepare()
            self._define(service.spec(environment(self._layout, extra)))
        self.start(service.name)

    def _start_record(self, plan: Plan) -> None:
        postgres = Postgres(self._layout, self._ports())
        self._start_service(postgres, plan.postgres_env)
        postgres.create_database()
        if plan.programs:
            tenants = Tenants(self._layout, environment(self._layout))
            tenants.migrate()
            tenants.seal()
            tenants.bootstrap()

    def _start_simulator(self) -> None:
        env = environment(self._layout)
        self._define(simulator_spec(self._layout, self._ports()["simulator"], env))
        self.start("simulator")

    def _start_programs(self, plan: Plan, changed: set[str], moved: set[str]) -> None:
        env = environment(self._layout, plan.program_env)
        for name in plan.program_names():
            spec = program_spec(self._layout, name, env, plan.supervise)
            fresh = self._define(spec) or name in moved or Path(spec.argv[0]).name in changed
            if fresh and self.pid(name):
                self.stop(name)
            self.start(name, ready=False)
        for name in plan.program_names():
            self._wait_answers(name)
        if plan.producers:
            ports = self._ports()
            tenants = Tenants(self._layout, environment(self._layout))
            tenants.write_profile(url(ports, "producer-1"), url(ports, "producer-1-admin"))
            tenants.create()

    def _define(self, spec: Spec) -> bool:
        return bool(self._control.call("define", spec=spec.to_json())["changed"])

    # How down is done.

    def _end_all(self, drain_s: float) -> None:
        running = [name for name, at in self.status().items() if at["pid"] or at["wanted"]]
        ours = [n for n in running if n.startswith(("producer-", "worker-", "scheduler-"))]
        rest = [n for n in running if n not in ours and n != "postgres"]
        for group in (ours, rest, [n for n in running if n == "postgres"]):
            self._end_group(group, drain_s)
        self._control.call("shutdown")
        until(lambda: not self._control.alive(), 60, "the end of the supervisor")

    def _end_group(self, names: Sequence[str], drain_s: float) -> None:
        if names:
            with ThreadPoolExecutor(len(names)) as pool:
                for done in [pool.submit(self.stop, n, timeout_s=drain_s) for n in names]:
                    done.result()

    # Addresses and answers.

    def _services(self) -> dict[str, Service]:
        ports = self._ports()
        found: list[Service] = [Postgres(self._layout, ports)]
        if not self._state.get("lite"):
            found += [Redis(self._layout, ports, n) for n in ("redis-limits", "redis-cache")]
            found.append(Kafka(self._layout, ports))
        return {service.name: service for service in found}

    def _wait_answers(self, name: str) -> None:
        seconds = PROGRAM_READY_S if "-" in name and name[:5] != "redis" else SERVICE_READY_S
        until(
            lambda: self._answers_or_died(name),
            seconds,
            f"{name} answering{log_end(self._layout, name)}",
        )

    def _answers_or_died(self, name: str) -> bool:
        at = self.status()[name]
        if at["last_exit"] is not None and not at["pid"]:
            raise Fault(
                f"{name} ended with {at['last_exit']} at its start.{log_end(self._layout, name)}"
            )
        return at["pid"] is not None and self.answers(name)

    def answers(self, name: str) -> bool:
        """True when a process that runs does what it is there for."""
        if name in (services := self._services()):
            return services[name].answers()
        if name == "simulator":
            return http_answers(f"{url(self._ports(), name)}/v1/models")
        if name.startswith("producer-"):
            return http_answers(f"{url(self._ports(), name)}/readyz")
        if serves_metrics(name):  # from the loop that takes its signals, so those are taken too
            return http_answers(f"{url(self._ports(), metrics_port(name))}/healthz")
        return True

    # State between calls.

    def _ports(self) -> dict[str, int]:
        ports: dict[str, int] = self._state.get("ports", {})
        return ports

    def _read_state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self._layout.state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return state

    @contextmanager
    def _turn(self) -> Iterator[None]:
        handle = os.open(self._layout.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._state = self._read_state()
            yield
        finally:
            os.close(handle)
