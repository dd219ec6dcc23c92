"""What a Redis that answers late costs a submit."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from fault_proxy import Door, FaultProxy

from longhaul_bench.figure import Sample, benchmark
from longhaul_bench.stage import QUEUE, Play, Stage
from longhaul_bench.submit import BODY_BYTES, chat_of, limits_set, submit_load

LATE = "delay 300"
CRAWLS = "slow 20000"
WELL = "pass"


@benchmark("submit-redis-slow", "ms more p99", "<= 50 ms", "-")
def submit_redis_slow(stage: Stage, runs: int) -> Iterator[Sample]:
    """By how much p99 of submits with limits at five levels is longer while Redis answers 300 ms
    late, of the same just before; beside it p99 while Redis takes 20,000 bytes a second, and both
    without limits. The load is that of submit; the fault stands between producer and Redis."""
    with closing(FaultProxy()) as proxy, stage.play(workers=1) as play:
        door = _door_before_redis(play, proxy)
        play.queue(QUEUE, "pause")
        body = play.file("body", chat_of(BODY_BYTES).decode())
        submit_load(play, body)
        for _ in range(runs):
            more = {}
            for limited in (False, True):
                limits_set(play, limited)
                for name, fault in (("well", WELL), ("late", LATE), ("crawls", CRAWLS)):
                    kind = "limited" if limited else "free"
                    more[f"{kind}_{name}_p99_ms"] = _p99_ms(play, body, door, fault)
            yield Sample(more["limited_late_p99_ms"] - more["limited_well_p99_ms"], more)


def _door_before_redis(play: Play, proxy: FaultProxy) -> Door:
    """The only producer reaches Redis through it from now on."""
    redis = urlsplit(play.stack.env["LONGHAUL_REDIS_LIMITS"])
    door = proxy.door("redis", "127.0.0.1", int(redis.port or 6379))
    config = play.stack.layout.program_config("producer-1")
    text = config.read_text().replace(redis.netloc, f"127.0.0.1:{door.port}")
    config.write_text(text)
    play.stack.restart("producer-1")
    return door


def _p99_ms(play: Play, body: Path, door: Door, fault: str) -> float:
    """The fault is there from the load's first moment; that it begins costs as well."""
    play.stack.psql("checkpoint")
    with door.fault(fault):
        return submit_load(play, body).p99_us / 1000
