"""A server that answers as a script says: what the command line must cope with on a bad day."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What to answer. `cut` closes the connection behind the body without ending it."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False

    def bytes(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def problem(status: int, code: str, detail: str, **more: Any) -> Reply:
    return Reply(
        status,
        {"type": "about:blank", "title": code, "status": status, "detail": detail, "code": code}
        | more,
        {"Content-Type": "application/problem+json"},
    )


class Scripted:
    """Replies by "METHOD /path" (without the query), in order; the last one is repeated."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.replies: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def on(self, call: str, *replies: Reply) -> None:
        self.replies[call] = list(replies)

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            replies = self.replies.get(f"{asked.method} {asked.path.split('?')[0]}")
            if not replies:
                return problem(404, "not_found", "there is no such thing")
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer: Callable[[Asked], Reply] = self.answer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                asked = Asked(self.command, self.path, dict(self.headers), self.rfile.read(size))
                reply = answer(asked)
                body = reply.bytes()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) + (1000 if reply.cut else 0)))
                self.end_headers()
                self.wfile.write(body)
                if reply.cut:
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply

            def log_message(self, *_: object) -> None:
                pass

        return Handler
