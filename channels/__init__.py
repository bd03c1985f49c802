"""Platforms: webhooks in, calls out. No Kafka here: what is to be kept goes through ports."""
