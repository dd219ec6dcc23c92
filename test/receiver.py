"""A webhook receiver on two ports of the loopback that answers as told and remembers each call."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Call:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def job(self) -> str | None:
        return json.loads(self.body).get("data", {}).get("id")


class Receiver:
    """Answers 200 unless a path was told otherwise; -1 means: hold the line and say nothing."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.released = threading.Event()
        self.answers: dict[str, list[int]] = defaultdict(list)
        self.servers = [self.serve(), self.serve()]

    def serve(self) -> ThreadingHTTPServer:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.calls.append(Call(self.path, headers, body))
                status = receiver.next_status(self.path)
                if status < 0:
                    receiver.released.wait(60)
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/target")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """The calls are the log."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def next_status(self, path: str) -> int:
        left = self.answers[path]
        if not left:
            return 200
        return left.pop(0) if len(left) > 1 else left[0]

    def answer(self, path: str, statuses: list[int]) -> None:
        self.answers[path] = statuses

    def origins(self) -> list[str]:
        return [f"http://127.0.0.1:{server.server_port}" for server in self.servers]

    def url(self, path: str) -> str:
        return self.origins()[0] + path

    def other_url(self, path: str) -> str:
        return self.origins()[1] + path

    def calls_of(self, job: str) -> list[Call]:
        return [call for call in list(self.calls) if call.job == job]

    def close(self) -> None:
        self.released.set()
        for server in self.servers:
            server.shutdown()
            server.server_close()
