"""A small webhook receiver on a free port of this machine."""

import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from longhaul_dev.fault import Fault

BODY_MAX = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """One request as it came; header names in lower case."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers every POST with 204 and keeps it until it is taken."""

    def __init__(self) -> None:
        deliveries: queue.Queue[Delivery] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("Content-Length") or 0), BODY_MAX)
                headers = {name.lower(): value for name, value in self.headers.items()}
                deliveries.put(Delivery(headers, self.rfile.read(size)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._deliveries = deliveries
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def take(self, timeout_s: float) -> Delivery:
        """The next delivery."""
        try:
            return self._deliveries.get(timeout=timeout_s)
        except queue.Empty as late:
            raise Fault(f"No webhook delivery came within {timeout_s:g} s.") from late

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
