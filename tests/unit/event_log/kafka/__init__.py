"""Tests of the log on Kafka that need no service."""
