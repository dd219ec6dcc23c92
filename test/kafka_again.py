"""Reads every dispatch message of a broker and sends it again, shuffled."""

from __future__ import annotations

import random

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

PATIENCE_S = 120


def topics_of(consumer: Consumer) -> list[TopicPartition]:
    listed = consumer.list_topics(timeout=PATIENCE_S).topics.values()
    return [
        TopicPartition(topic.topic, number, OFFSET_BEGINNING)
        for topic in listed
        if not topic.topic.startswith("__")
        for number in topic.partitions
    ]


def read_all(brokers: str) -> list[tuple[str, int, bytes]]:
    """What stands in the log as it is asked: (topic, partition, value)."""
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "read-again", "enable.auto.commit": False}
    )
    found = []
    for part in topics_of(consumer):
        first, end = consumer.get_watermark_offsets(part, timeout=PATIENCE_S)
        if first == end:
            continue
        consumer.assign([part])
        while (at := consumer.position([part])[0].offset) < end:
            message = consumer.poll(PATIENCE_S)
            assert message is not None, f"{part} stands still at {at} of {end}"
            if message.error() is None and message.value():
                found.append((message.topic(), message.partition(), message.value()))
    consumer.close()
    return found


def send_all_again(brokers: str, times: int) -> int:
    messages = read_all(brokers) * times
    random.shuffle(messages)
    producer = Producer({"bootstrap.servers": brokers})
    for topic, _, value in messages:
        producer.produce(topic, value)
        producer.poll(0)
    assert producer.flush(PATIENCE_S) == 0
    return len(messages)
