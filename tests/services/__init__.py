"""Real PostgreSQL, Kafka, MinIO and nginx for tests, as processes of our own or as containers.

- `fixtures` has what tests ask for: a `postgresql_database`, `kafka_topic`, `s3_bucket` of their own, in services that
  are started once a run; `own_postgresql`, `own_kafka`, `own_minio` for tests that stop, kill or suspend them.
- `running` has the same services as context managers, for fixtures of other scopes.
- `stack` is the whole distributed system, which `run_stack` (`make stack`) runs until Ctrl-C.
- `download` (`make services`) fetches or builds what is missing, into `~/.cache/tracklog/services`.

Services that run already are used where the environment names them: TRACKLOG_TEST_POSTGRESQL_URL (a superuser's),
TRACKLOG_TEST_KAFKA (host:port), TRACKLOG_TEST_S3_URL with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
TRACKLOG_TEST_DOCKER=0 has processes started also where Docker answers. KAFKA_HOME, or a `minio` on the PATH, saves
the download.
"""
