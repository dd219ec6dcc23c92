"""submit --ndjson: many jobs, one a line."""

from __future__ import annotations

import json
from pathlib import Path

from scripted import Reply, problem
from shell import JOB, OTHER, Shell


def test_bulk_names_the_lines_that_were_refused(longhaul: Shell, tmp_path: Path) -> None:
    lines = tmp_path / "jobs.ndjson"
    lines.write_text('{"kind": "noop", "input": {}}\n\nnonsense\n{"kind": "chat", "queue": "b"}\n')
    refusal = problem(400, "invalid_json", "the body is not valid JSON").body
    reply = [{"id": JOB, "state": "queued"}, refusal, {"id": OTHER, "state": "queued"}]
    body = "".join(json.dumps(line) + "\n" for line in reply).encode()
    longhaul.server.on("POST /v1/jobs/bulk", problem(429, "queue_full", "full"), Reply(200, body))
    done = longhaul("submit", "--ndjson", str(lines), "--queue", "a", "--metadata", "k=v")
    assert (done.returncode, done.stdout) == (1, f"{JOB}\n{OTHER}\n")
    assert "line 3: the body is not valid JSON (invalid_json)" in done.stderr
    assert "2 accepted, 1 refused" in done.stderr
    sent = longhaul.server.asked[1].body.decode().splitlines()
    first = {"kind": "noop", "input": {}, "queue": "a", "metadata": {"k": "v"}}
    assert json.loads(sent[0]) == first
    assert sent[1] == "nonsense"
    assert json.loads(sent[2])["queue"] == "b"


def test_bulk_fills_in_what_a_line_leaves_out(longhaul: Shell) -> None:
    body = json.dumps({"id": JOB, "state": "queued"}).encode() + b"\n"
    longhaul.server.on("POST /v1/jobs/bulk", Reply(200, body * 3))
    lines = [
        '{"kind":"chat","input":{"messages":[]},"metadata":{"a":"1"}}',
        '{"kind":"embedding","input":{"model":"own"},"metadata":{"a":"1","k":"w"}}',
        '{"kind":"noop","input":{},"metadata":{"k":"w"}}',
    ]
    done = longhaul("submit", "--ndjson", "-", "--metadata", "k=v", stdin="\n".join(lines))
    assert done.returncode == 0, done.stderr
    first, second, third = longhaul.server.asked[0].body.decode().splitlines()
    assert json.loads(first)["input"]["model"] == "sim"
    assert json.loads(first)["metadata"] == {"a": "1", "k": "v"}
    assert (second, third) == (lines[1], lines[2])


def test_bulk_says_what_it_does_not_know(longhaul: Shell, tmp_path: Path) -> None:
    body = json.dumps({"id": JOB, "state": "queued"}).encode() + b"\n"
    longhaul.server.on("POST /v1/jobs/bulk", Reply(200, body))
    done = longhaul("submit", "--ndjson", "-", stdin='{"kind":"noop"}\n{"kind":"noop"}\n')
    assert done.returncode == 5 and "may or may not be accepted" in done.stderr
