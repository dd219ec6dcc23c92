"""What sealing costs: against the build that does not seal (MODE=clear), and by itself."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from longhaul_dev.layout import REPOSITORY

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.stage import QUEUE, Play, Stage
from longhaul_bench.submit import BODY_BYTES, chat_of
from longhaul_bench.wrk import press

SECONDS = 8.0
CLEAR = REPOSITORY / "build/clear"


def body_with_subject() -> str:
    job = json.loads(chat_of(BODY_BYTES))
    return json.dumps({**job, "subject": "SUBJECT"}, separators=(",", ":"))


def rate(play: Play, script: str, body: Path) -> float:
    play.stack.psql("checkpoint")
    load = press(
        script, f"{play.url}/v1/jobs", [play.keys_file(), body], connections=64, seconds=SECONDS
    )
    return load.check().rate


def rates(stage: Stage, script: str, text: str) -> float:
    """Submits a second of a fresh stack, after a run that is not counted."""
    with stage.play(workers=1) as play:
        play.queue(QUEUE, "pause")
        body = play.file("body", text)
        rate(play, script, body)
        return rate(play, script, body)


def ratios(stage: Stage, runs: int, script: str, text: str) -> Iterator[Sample]:
    """Both builds in turn."""
    subprocess.run(["make", "-s", "-j2", "MODE=clear", "all"], cwd=REPOSITORY, check=True)
    clear = Stage(stage.folder.with_name("clear"), CLEAR)
    for _ in range(runs):
        without, sealed = rates(clear, script, text), rates(stage, script, text)
        yield Sample(sealed / without, {"sealed_s": sealed, "clear_s": without})


@benchmark("seal-one-subject", "of clear", ">= 0.95", "")
def seal_one_subject(stage: Stage, runs: int) -> Iterator[Sample]:
    """Submits a second, sealed, as a share of the same unsealed: 1 KB, a subject a tenant."""
    yield from ratios(stage, runs, "submit", chat_of(BODY_BYTES).decode())


@benchmark("seal-new-subjects", "of clear", ">= 0.75", "")
def seal_new_subjects(stage: Stage, runs: int) -> Iterator[Sample]:
    """The same, each job for a subject that nobody has seen before."""
    yield from ratios(stage, runs, "submit_subjects", body_with_subject())


@benchmark("seal-4k", "us", "<= 10 us", "")
def seal_4k(stage: Stage, runs: int) -> Iterator[Sample]:
    """One prompt of 4 KB: its data key is opened, the text is sealed; one thread."""
    for said in parts(stage, runs):
        yield Sample(said["seal_us"], said)


@benchmark("seal-4k-new-subject", "us", "<= 10 us", "")
def seal_4k_new_subject(stage: Stage, runs: int) -> Iterator[Sample]:
    """The same of a subject that nobody has seen before: its data key is made and wrapped too."""
    for said in parts(stage, runs):
        yield Sample(said["new_subject_us"], said)


def parts(stage: Stage, runs: int) -> Iterator[dict[str, float]]:
    """What bench_seal printed, each time."""
    program = (stage.build or REPOSITORY / "build/release") / "bench/bench_seal"
    for _ in range(runs):
        run = subprocess.run([str(program)], capture_output=True, text=True, check=True)
        yield json.loads(run.stdout)
