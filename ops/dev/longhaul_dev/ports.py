"""Free TCP ports that no other stack takes.

A claim is an abstract Unix socket named after the port: it belongs to a process, dies with it
and leaves no file. The supervisor holds the claims of its stack for as long as it lives, so a
stopped Kafka keeps its port. Ports lie below the kernel's range for outgoing connections.
"""

import random
import socket
from pathlib import Path

from longhaul_dev.fault import Fault

FIRST, LAST = 15000, 32000
TRIES = 400
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Ports:
    """The claims of one supervisor: name -> port."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[int, socket.socket]] = {}

    def claim(self, name: str, wanted: int | None) -> int:
        """The port held under this name, else `wanted` if it is free, else another free one."""
        if name in self._held:
            return self._held[name][0]
        if wanted and self._take(name, wanted):
            return wanted
        for _ in range(TRIES):
            port = random.randrange(FIRST, _last())
            if self._take(name, port):
                return port
        raise Fault("No free TCP port was found on 127.0.0.1; stop a stack or two.")

    def _take(self, name: str, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            claim.bind(f"\0longhaul-port-{port}")
            if not is_free(port):
                raise OSError
        except OSError:
            claim.close()
            return False
        self._held[name] = (port, claim)
        return True


def is_free(port: int) -> bool:
    """True when nobody listens on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """True when somebody accepts connections on this port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _last() -> int:
    lowest = int(RANGE.read_text(encoding="ascii").split()[0])
    return min(LAST, lowest) if lowest > FIRST + 2000 else LAST
