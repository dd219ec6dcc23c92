"""The native API, one kept connection per thread: the least a client can cost."""

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit

from longhaul_dev.fault import Fault

CALL_S = 120.0


class Native:
    """Calls with one key. Threads may share it; each has its own connection."""

    def __init__(self, url: str, key: str) -> None:
        self._at = urlsplit(url).netloc
        self._headers = {"Authorization": f"Bearer {key}"}
        self._own = threading.local()

    def call(
        self, method: str, path: str, body: Any = None, *, media: str = "application/json"
    ) -> bytes:
        """The reply's body; a refusal is a Fault with its words."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = self._headers | ({"Content-Type": media} if data else {})
        connection = self._connection()
        try:
            connection.request(method, path, data, headers)
            reply = connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException):
            self._own.connection = None
            raise
        self._own.etag = reply.getheader("ETag", "")
        if reply.status >= 400:
            raise Fault(f"{method} {path}: {reply.status} {text[:300].decode()}")
        return text

    def json(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.call(method, path, body))

    def etag(self, path: str) -> str:
        """The ETag under which a GET answers now."""
        self.call("GET", path)
        return str(self._own.etag)

    def bulk(self, lines: list[bytes]) -> list[str]:
        """Submits NDJSON; the ids, all of them or a Fault."""
        body = b"\n".join(lines) + b"\n"
        text = self.call("POST", "/v1/jobs/bulk", body, media="application/x-ndjson")
        replies = [json.loads(line) for line in text.splitlines()]
        bad = [reply for reply in replies if "id" not in reply]
        if bad or len(replies) != len(lines):
            raise Fault(f"bulk: {len(replies)} of {len(lines)} lines, {bad[:1]}")
        return [reply["id"] for reply in replies]

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self._own, "connection", None) is None:
            self._own.connection = http.client.HTTPConnection(self._at, timeout=CALL_S)
        return self._own.connection
