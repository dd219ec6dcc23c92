"""The workers' consumer group as its operators see it, and members of it that are no workers."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from client import until
from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

GROUP = "longhaul.workers"
TOPIC = "longhaul.default"
PARTITIONS = 12
PATIENCE_S = 120
POLL_S = 0.02
# As workers have it. A member that went in the midst of a rebalance is not waited for longer.
HABITS = {
    "group.id": GROUP,
    "partition.assignment.strategy": "cooperative-sticky",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "session.timeout.ms": 6000,
    "heartbeat.interval.ms": 200,
    "max.poll.interval.ms": 6000,
}


class Member:
    """Takes part in the group on a thread of its own, and does nothing with what it reads."""

    def __init__(self, group: Group) -> None:
        self.topic = group.topic
        self.consumer = Consumer({**group.address, **HABITS})
        self.consumer.subscribe([self.topic])
        self.held: list[int] = []
        self.place: Callable[[int], int] | None = None
        self.placed = self.leaving = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while not self.leaving:
            self.consumer.poll(POLL_S)
            self.held = [part.partition for part in self.consumer.assignment()]
            if self.place and self.held:
                self.placed = self._commit(self.place)
        self.consumer.close()

    def _commit(self, place: Callable[[int], int]) -> bool:
        """False when the group does not take it, as during a rebalance."""
        rows = [TopicPartition(self.topic, part, place(part)) for part in self.held]
        try:
            done = self.consumer.commit(offsets=rows, asynchronous=False)
        except KafkaException:
            return False
        return all(row.error is None for row in done)

    def commit(self, place: Callable[[int], int]) -> None:
        """Where those who are given its partitions are to begin."""
        self.place = place
        until("its commit is taken", lambda: self.placed)

    def leave(self) -> None:
        self.leaving = True
        self.thread.join(PATIENCE_S)


class Group:
    """Of one topic."""

    def __init__(self, brokers: str, topic: str = TOPIC) -> None:
        self.topic = topic
        self.address = {"bootstrap.servers": brokers, "log_level": 0}
        self.admin = AdminClient(self.address)
        self.reader = Consumer({**self.address, **HABITS})

    def close(self) -> None:
        self.reader.close()

    def committed(self) -> dict[int, int]:
        """0 where nothing was committed; empty while nobody tells, as its coordinator moves."""
        every = [TopicPartition(self.topic, part) for part in range(PARTITIONS)]
        try:
            found = self.reader.committed(every, timeout=PATIENCE_S)
        except KafkaException:
            return {}
        return {row.partition: max(row.offset, 0) for row in found}

    def ends(self) -> dict[int, int]:
        return {
            part: self.reader.get_watermark_offsets(
                TopicPartition(self.topic, part), timeout=PATIENCE_S
            )[1]
            for part in range(PARTITIONS)
        }

    def is_empty(self) -> bool:
        found = self.admin.describe_consumer_groups([GROUP])[GROUP].result()
        return found.state == ConsumerGroupState.EMPTY

    def coordinator(self) -> int | None:
        """The broker by which its members go; None while nobody tells. Asked by somebody new: who
        asked before goes by what it was told, for minutes."""
        admin = AdminClient(self.address)
        try:
            found = admin.describe_consumer_groups([GROUP])[GROUP].result()
        except KafkaException:
            return None
        return int(found.coordinator.id)

    def reset(self, offsets: dict[int, int]) -> None:
        """As operators do it: Kafka refuses it while the group has members."""
        rows = [TopicPartition(self.topic, part, offset) for part, offset in offsets.items()]
        asked = [ConsumerGroupTopicPartitions(GROUP, rows)]
        done = self.admin.alter_consumer_group_offsets(asked)[GROUP].result()
        assert all(row.error is None for row in done.topic_partitions)

    def forget(self) -> None:
        """All of its offsets."""
        self.admin.delete_consumer_groups([GROUP])[GROUP].result()

    @contextmanager
    def member(self) -> Iterator[Member]:
        """Holds at least one partition when the block begins."""
        one = Member(self)
        try:
            until("it was given partitions", lambda: one.held)
            yield one
        finally:
            one.leave()


class Storm:
    """Members that come and go, each after so many milliseconds, several at a time."""

    AT_A_TIME = 4
    STAYS_S = (0.1, 0.3)

    def __init__(self, group: Group, seed: int) -> None:
        self.group = group
        self.gone: list[Member] = []
        self.ending = threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(seed + n),))
            for n in range(self.AT_A_TIME)
        ]

    def run(self, dice: random.Random) -> None:
        while not self.ending.is_set():
            one = Member(self.group)
            self.ending.wait(dice.uniform(*self.STAYS_S))
            one.leave()
            self.gone.append(one)


@contextmanager
def storm(group: Group, seed: int) -> Iterator[Storm]:
    one = Storm(group, seed)
    for thread in one.threads:
        thread.start()
    try:
        yield one
    finally:
        one.ending.set()
        for thread in one.threads:
            thread.join()
