"""The fault proxy itself, in front of a server that says back what it hears."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from client import until
from fault_proxy import Door, FaultProxy

SOON_S = 0.3  # nothing came: as sure as a test needs it
PATIENCE_S = 120


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            while words := self.request.recv(65536):
                self.server.heard += len(words)
                self.request.sendall(words)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    heard = 0


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Echo) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    one = FaultProxy()
    yield one
    one.close()


@pytest.fixture
def door(proxy: FaultProxy, server: Server) -> Door:
    return proxy.door("echo", "127.0.0.1", server.server_address[1])


def dial(port: int, timeout_s: float = PATIENCE_S) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)


def read(line: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (more := line.recv(65536)):
        got += more
    return got


def silent(line: socket.socket) -> bool:
    line.settimeout(SOON_S)
    try:
        return line.recv(1) is None
    except TimeoutError:
        return True
    finally:
        line.settimeout(PATIENCE_S)


def refused(port: int) -> bool:
    """A new line is cut, at once or as soon as it is used."""
    try:
        with dial(port) as line:
            return cut(line)
    except ConnectionError:
        return True


def cut(line: socket.socket) -> bool:
    """The peer said RST."""
    try:
        line.sendall(b"?")
        while line.recv(65536):
            pass
    except ConnectionError:
        return True
    return False


def test_a_healthy_line_carries_everything_and_its_end(door: Door) -> None:
    sent = bytes(range(256)) * 8192
    with dial(door.port) as line:
        writer = threading.Thread(target=lambda: (line.sendall(sent), line.shutdown(1)))
        writer.start()
        assert read(line, len(sent)) == sent
        assert line.recv(1) == b""
        writer.join(PATIENCE_S)


@pytest.mark.parametrize("what", ["drop", "to-client", "to-server"])
def test_what_is_held_flows_after_the_healing(door: Door, server: Server, what: str) -> None:
    with dial(door.port) as line:
        line.sendall(b"a")
        assert read(line, 1) == b"a"
        with door.fault(what), dial(door.port) as late:
            line.sendall(b"b")
            late.sendall(b"c")
            heard = 2 if what == "to-client" else 1
            until("the server heard what it may", lambda: server.heard == heard)
            assert silent(line) and silent(late) and server.heard == heard
            door.set("pass")
            assert read(late, 1) == b"c"
        assert read(line, 1) == b"b"


def test_a_reset_cuts_what_is_open_and_what_comes(door: Door) -> None:
    with dial(door.port) as line:
        line.sendall(b"a")
        assert read(line, 1) == b"a"
        with door.fault("reset"):
            assert cut(line)
            assert refused(door.port)
        with dial(door.port) as healed:
            healed.sendall(b"b")
            assert read(healed, 1) == b"b"


def test_refused_means_that_nobody_listens(door: Door) -> None:
    with door.fault("refuse"), pytest.raises(ConnectionRefusedError):
        dial(door.port)
    with dial(door.port) as healed:
        healed.sendall(b"b")
        assert read(healed, 1) == b"b"


def test_a_half_open_line_is_found_out_by_writing_after_the_healing(door: Door) -> None:
    with dial(door.port) as line:
        line.sendall(b"a")
        assert read(line, 1) == b"a"
        with door.fault("half-open"):
            line.sendall(b"b")
            assert silent(line)
            with dial(door.port) as new:
                new.sendall(b"c")
                assert read(new, 1) == b"c"
        assert cut(line)


def test_slow_and_late_lines_take_their_time(door: Door) -> None:
    with dial(door.port) as line:
        for what, count in (("slow 4000", 4000), ("delay 400", 1)):
            began = time.monotonic()
            door.set(what)
            line.sendall(b"x" * count)
            assert len(read(line, count)) == count
            assert time.monotonic() - began > SOON_S


def test_a_line_that_comes_while_it_is_slow_has_saved_nothing_up(door: Door) -> None:
    began = time.monotonic()
    with door.fault("slow 4000"), dial(door.port) as line:
        line.sendall(b"x" * 4000)
        assert len(read(line, 4000)) == 4000
    assert time.monotonic() - began > SOON_S


def test_a_line_is_cut_after_so_many_bytes(door: Door) -> None:
    with dial(door.port) as line:
        line.sendall(b"a" * 2000)
        assert len(read(line, 2000)) == 2000
        with door.fault("cut 1000"):
            line.sendall(b"b" * 100)
            assert len(read(line, 100)) == 100
            line.sendall(b"c" * 5000)
            with suppress(ConnectionError):
                assert len(read(line, 5000)) < 5000
        until("it is forgotten", lambda: door.lines()[0] == 0)


@pytest.mark.parametrize(
    "words", ["fault echo", "fault echo melt", "fault echo slow", "fault echo drop 3", "door", "x"]
)
def test_a_wrong_command_says_so_and_changes_nothing(door: Door, words: str) -> None:
    with pytest.raises(ValueError):
        door.proxy.ask(words)
    with dial(door.port) as line:
        line.sendall(b"a")
        assert read(line, 1) == b"a"
