"""The few calls of the native API that the demo makes."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from longhaul_dev.fault import Fault

TIMEOUT_S = 30.0
Json = dict[str, Any]


class Api:
    """A producer's address and a key; one connection per call, so any thread may call."""

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        self._at = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def submit(self, job: Json) -> Json:
        """202 and the job."""
        return self._ask("POST", "/v1/jobs", json.dumps(job))

    def job(self, job_id: str) -> Json:
        return self._ask("GET", f"/v1/jobs/{job_id}")

    def events(self, job_id: str, timeout_s: float) -> Iterator[tuple[str, Json]]:
        """The job's events from the first to the terminal one, as they come."""
        link = http.client.HTTPConnection(*self._at, timeout=timeout_s)
        try:
            link.request("GET", f"/v1/jobs/{job_id}/events", headers=self._headers)
            reply = link.getresponse()
            if reply.status != 200:
                raise Fault(f"events of {job_id}: {reply.status} {reply.read(500)!r}")
            yield from _parse_events(reply)
        finally:
            link.close()

    def _ask(self, method: str, path: str, body: str | None = None) -> Json:
        link = http.client.HTTPConnection(*self._at, timeout=TIMEOUT_S)
        try:
            link.request(method, path, body, self._headers)
            reply = link.getresponse()
            text = reply.read()
        except OSError as gone:
            raise Fault(f"The producer does not answer: {gone}; see `make status`.") from gone
        finally:
            link.close()
        if reply.status >= 400:
            raise Fault(f"{method} {path} was refused: {reply.status} {text.decode()}")
        answer: Json = json.loads(text)
        return answer


def _parse_events(lines: http.client.HTTPResponse) -> Iterator[tuple[str, Json]]:
    kind, data = "", ""
    for raw in lines:
        line = raw.decode().rstrip("\r\n")
        name, _, value = line.partition(":")
        if name == "event":
            kind = value.strip()
        elif name == "data":
            data += value.strip()
        elif not line and kind:
            yield kind, json.loads(data or "{}")
            kind, data = "", ""
