"""Reads every dispatch message of a broker and sends it again, shuffled."""

from __future__ import annotations

import random

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition


def topics_of(consumer: Consumer) -> list[TopicPartition]:
    listed = consumer.list_topics(timeout=10).topics.values()
    return [
        TopicPartition(topic.topic, number, OFFSET_BEGINNING)
        for topic in listed
        if not topic.topic.startswith("__")
        for number in topic.partitions
    ]


def read_all(brokers: str) -> list[tuple[str, int, bytes]]:
    """Until nothing comes for a second: (topic, partition, value)."""
    consumer = Consumer(
        {"bootstrap.servers": brokers, "group.id": "read-again", "enable.auto.commit": False}
    )
    consumer.assign(topics_of(consumer))
    found = []
    while (message := consumer.poll(1.0)) is not None:
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
    producer.flush(30)
    return len(messages)
