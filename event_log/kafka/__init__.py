"""The event log in a Kafka topic."""
