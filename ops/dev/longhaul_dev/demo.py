"""make demo: a first run, explained. Real documents go through the queue to a model and back."""

import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from longhaul_dev import build, packages, preflight
from longhaul_dev.api import Api
from longhaul_dev.board import Board, printable
from longhaul_dev.fault import Fault
from longhaul_dev.progress import say, step
from longhaul_dev.receiver import Receiver
from longhaul_dev.signature import verified
from longhaul_dev.stack import Stack
from longhaul_dev.texts import Text, long_texts
from longhaul_dev.timings import timings_table
from longhaul_dev.upstream import chosen_model, is_chosen
from longhaul_dev.ways_on import ways_on

TASK = "Summarise the following text in three sentences.\n\n"
SIMULATED = "sim?ttft_ms=150&itl_ms=12&jitter=0.3"
SIMULATED_TIMEOUT_S = 60.0
REAL_TIMEOUT_S = 900.0
DELIVERY_TIMEOUT_S = 15.0
ANSWER_LINES = 4
Jobs = dict[str, dict[str, Any]]


class Demo:
    """One run: machine, stack, jobs, answers, webhook, times, and how to go on."""

    def __init__(self, var: Path, lite: bool) -> None:
        self._var = var
        self._lite = lite
        self._model = chosen_model() if is_chosen() else SIMULATED
        self._timeout_s = REAL_TIMEOUT_S if is_chosen() else SIMULATED_TIMEOUT_S

    def run(self) -> int:
        start = time.monotonic()
        self._prepare_machine()
        stack = Stack(self._var)
        with step("starting the stack", quiet_below_s=0.01):
            stack.up(lite=self._lite)
        env = stack.env
        api = Api(env["LONGHAUL_URL"], env["LONGHAUL_API_KEY"])
        receiver = Receiver()
        try:
            jobs = self._run_jobs(api, receiver)
            _show_answers(jobs)
            _show_delivery(receiver, env["LONGHAUL_WEBHOOK_SECRET"])
        finally:
            receiver.close()
        say("\nWhere the time went, in milliseconds:\n")
        say("\n".join(timings_table(jobs)))
        self._show_next(stack, time.monotonic() - start)
        return 0 if all(job["state"] == "completed" for job in jobs.values()) else 1

    def _prepare_machine(self) -> None:
        say("longhaul: a first run\n")
        lacking = preflight.examine(self._var)
        for finding in lacking:
            say(f"  {'lacking' if finding.fatal else 'note'}: {finding.sentence}")
        if any(finding.fatal for finding in lacking):
            raise Fault("this machine lacks what the lines above name.")
        packages.ensure(("demo",))
        build.make()

    def _run_jobs(self, api: Api, receiver: Receiver) -> Jobs:
        texts = long_texts()
        size = sum(len(text.content) for text in texts) // 1000
        say(f"\n{len(texts)} texts, {size} KB, one job each, model {self._model.split('?')[0]}:\n")
        ids = {text.name: api.submit(self._job(text))["id"] for text in texts[1:]}
        told = {**self._job(texts[0]), "callback": {"url": receiver.url}}
        ids[texts[0].name] = api.submit(told)["id"]
        board = Board(list(ids))
        board.open()
        try:
            with ThreadPoolExecutor(len(ids)) as pool:
                follow = [pool.submit(self._follow, api, board, n, i) for n, i in ids.items()]
                return {name: done.result() for name, done in zip(ids, follow, strict=True)}
        finally:
            board.close()

    def _job(self, text: Text) -> dict[str, Any]:
        message = {"role": "user", "content": TASK + text.content}
        return {
            "kind": "chat",
            "queue": "default",
            "input": {"model": self._model, "messages": [message]},
            "metadata": {"file": text.name},
        }

    def _follow(self, api: Api, board: Board, name: str, job_id: str) -> dict[str, Any]:
        """Shows one job's events to the terminal one; the job at its end."""
        for kind, data in api.events(job_id, self._timeout_s):
            if kind == "job.delta":
                board.text(name, data.get("text", ""))
            elif kind != "job.progress":
                board.state(name, kind.removeprefix("job."))
        return api.job(job_id)

    def _show_next(self, stack: Stack, took_s: float) -> None:
        say(f"\nDone in {took_s:.1f} s. The stack goes on running. To go on:\n")
        say("".join(f"  {line}\n" for line in ways_on(stack)).rstrip())


def _show_answers(jobs: Jobs) -> None:
    say("\nThe answers:\n")
    for name, job in jobs.items():
        say(f"  {name}:")
        text = _answer(job) if job["state"] == "completed" else f"{job['state']}: {job['error']}"
        wrapped = textwrap.wrap(printable(" ".join(text.split())), 92, max_lines=ANSWER_LINES)
        say(textwrap.indent("\n".join(wrapped), "    "))


def _answer(job: dict[str, Any]) -> str:
    try:
        return str(job["result"]["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        return f"(no text in the result of {job['id']})"


def _show_delivery(receiver: Receiver, secret: str) -> None:
    delivery = receiver.take(DELIVERY_TIMEOUT_S)
    if not verified(delivery.headers, delivery.body, secret, time.time()):
        raise Fault("A webhook delivery came, but its signature is not the tenant's.")
    say("\nA webhook came, and its signature is right:\n")
    say(f"  webhook-id {delivery.headers['webhook-id']}")
    say(f"  {delivery.body.decode()}")
