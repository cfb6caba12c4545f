"""Real PostgreSQL, Kafka, MinIO and nginx for tests, as processes of our own or as containers."""
