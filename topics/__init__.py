"""Kafka: the topics, the processor and everything else that talks to the broker."""
