"""The process that owns a stack's processes.

One per stack folder, single-threaded, running as the stack's account. It starts and ends what
it is told to over a Unix socket (run/control: one JSON line in, one JSON line out), reaps its
children, starts the wanted ones again when they die, and holds the stack's port claims. When it
dies, the kernel ends its children: nothing is left behind.
"""

import contextlib
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from longhaul_dev.account import service_account
from longhaul_dev.child import Child
from longhaul_dev.control import bind_control
from longhaul_dev.fault import Fault
from longhaul_dev.layout import Layout, open_layout
from longhaul_dev.ports import Ports
from longhaul_dev.spec import Spec

TICK_S = 0.05
IDLE_S = 1.0
REQUEST_BYTES_MAX = 1 << 20
Reply = dict[str, Any]


class Waiter:
    """A caller who is told once a process has ended, or that it has not in time."""

    def __init__(self, link: socket.socket, name: str, deadline: float) -> None:
        self.link = link
        self.name = name
        self.deadline = deadline


class Supervisor:
    """Children, port claims and the callers on the control socket."""

    def __init__(self, layout: Layout) -> None:
        self._children: dict[str, Child] = {}
        self._ports = Ports()
        self._waiters: list[Waiter] = []
        self._inbox: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = bind_control(layout.run)
        self._ending = False
        self._actions: dict[str, Callable[[socket.socket, Reply], Reply | None]] = {
            "ports": self._do_ports,
            "define": self._do_define,
            "forget": self._do_forget,
            "start": self._do_start,
            "stop": self._do_stop,
            "signal": self._do_signal,
            "wait": self._do_wait,
            "status": self._do_status,
            "shutdown": self._do_shutdown,
        }

    def serve(self) -> None:
        """Runs until told to shut down, or by SIGTERM or SIGINT; then ends every child."""
        waker = self._wake_on_signals()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(waker, selectors.EVENT_READ)
        while not (self._ending and not any(c.pid for c in self._children.values())):
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is waker:
                    self._drain(waker)
                else:
                    self._read(key.fileobj)  # type: ignore[arg-type]
            self._turn()

    def _turn(self) -> None:
        now = time.monotonic()
        for child in self._children.values():
            child.reap(now)
            child.tick(now)
        for waiter in list(self._waiters):
            child = self._children[waiter.name]
            if child.pid is None or now > waiter.deadline:
                self._waiters.remove(waiter)
                self._answer(waiter.link, {"ended": child.pid is None, "exit": child.last_exit})

    def _pause(self) -> float:
        timed = any(c.kill_at or c.restart_at for c in self._children.values())
        return TICK_S if timed or self._waiters or self._ending else IDLE_S

    def _wake_on_signals(self) -> socket.socket:
        ours, kernels = socket.socketpair()
        ours.setblocking(False)
        kernels.setblocking(False)
        self._wakeup_end = kernels
        signal.set_wakeup_fd(kernels.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._end_all())
        return ours

    @staticmethod
    def _drain(waker: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while waker.recv(64):
                pass

    def _end_all(self) -> None:
        self._ending = True
        for child in self._children.values():
            child.stop(child.spec.stop_signal, child.spec.stop_timeout_s)

    # The control socket.

    def _accept(self) -> None:
        link, _ = self._listener.accept()
        link.setblocking(False)
        self._inbox[link] = b""
        self._selector.register(link, selectors.EVENT_READ)

    def _read(self, link: socket.socket) -> None:
        try:
            piece = link.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            piece = b""
        self._inbox[link] += piece
        if not piece or len(self._inbox[link]) > REQUEST_BYTES_MAX:
            self._hang_up(link)
        elif self._inbox[link].endswith(b"\n"):
            self._handle(link, self._inbox[link])
            self._inbox[link] = b""

    def _handle(self, link: socket.socket, line: bytes) -> None:
        try:
            request = json.loads(line)
            reply = self._actions[request["do"]](link, request)
        except KeyError as unknown:
            reply = {"fault": f"The supervisor knows no {unknown}."}
        except (OSError, ValueError, Fault) as failure:
            reply = {"fault": str(failure)}
        if reply is not None:
            self._answer(link, reply)

    def _answer(self, link: socket.socket, reply: Reply) -> None:
        try:
            link.setblocking(True)
            link.settimeout(1.0)
            link.sendall(json.dumps(reply).encode() + b"\n")
            link.setblocking(False)
        except OSError:
            self._hang_up(link)

    def _hang_up(self, link: socket.socket) -> None:
        if link in self._inbox:
            del self._inbox[link]
            self._selector.unregister(link)
        self._waiters = [w for w in self._waiters if w.link is not link]
        link.close()

    # What callers may ask for.

    def _do_ports(self, link: socket.socket, request: Reply) -> Reply:
        wanted: dict[str, int | None] = request["ports"]
        return {"ports": {name: self._ports.claim(name, port) for name, port in wanted.items()}}

    def _do_define(self, link: socket.socket, request: Reply) -> Reply:
        spec = Spec.from_json(request["spec"])
        known = self._children.get(spec.name)
        changed = known is not None and known.spec != spec
        if known:
            known.spec = spec
        else:
            self._children[spec.name] = Child(spec)
        return {"changed": changed}

    def _do_forget(self, link: socket.socket, request: Reply) -> Reply:
        if self._children[request["name"]].pid:
            raise Fault(f"{request['name']} still runs.")
        del self._children[request["name"]]
        return {}

    def _do_start(self, link: socket.socket, request: Reply) -> Reply:
        child = self._children[request["name"]]
        child.start()
        return {"pid": child.pid}

    def _do_stop(self, link: socket.socket, request: Reply) -> None:
        child = self._children[request["name"]]
        timeout_s = request.get("timeout_s") or child.spec.stop_timeout_s
        child.stop(request.get("signal") or child.spec.stop_signal, timeout_s)
        self._waiters.append(Waiter(link, child.spec.name, time.monotonic() + timeout_s + 10))

    def _do_signal(self, link: socket.socket, request: Reply) -> Reply:
        child = self._children[request["name"]]
        pid = child.pid
        child.signal(request["signal"])
        return {"pid": pid}

    def _do_wait(self, link: socket.socket, request: Reply) -> None:
        name = self._children[request["name"]].spec.name
        self._waiters.append(Waiter(link, name, time.monotonic() + request["timeout_s"]))

    def _do_status(self, link: socket.socket, request: Reply) -> Reply:
        now = time.monotonic()
        return {
            "processes": {
                name: {
                    "pid": child.pid,
                    "wanted": child.wanted,
                    "starts": child.starts,
                    "restarting": child.is_restarting(now),
                    "last_exit": child.last_exit,
                    "drained": child.is_drained,
                }
                for name, child in self._children.items()
            }
        }

    def _do_shutdown(self, link: socket.socket, request: Reply) -> Reply:
        self._end_all()
        return {"pid": os.getpid()}


def main(var: str, ready: int) -> None:
    """Becomes the supervisor of the stack in `var`; writes a byte to `ready` once it serves."""
    if os.fork():
        os._exit(0)
    account = service_account()
    layout = open_layout(Path(var), account)
    account.become()
    os.umask(0o022)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    supervisor = Supervisor(layout)
    layout.pid_file("supervisor").write_text(f"{os.getpid()}\n", encoding="ascii")
    os.write(ready, b"1")
    os.close(ready)
    supervisor.serve()
    layout.pid_file("supervisor").unlink(missing_ok=True)
    (layout.run / "control").unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
