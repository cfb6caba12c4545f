"""Fetch what the services need, once and before any test waits for it: `python -m tests.services.download`.

What cannot be had is said. That is an error only in continuous integration; elsewhere its tests are skipped.
"""

import sys
import time
from collections.abc import Callable

from tests.services.azurite import script as azurite_script
from tests.services.containers import docker_answers
from tests.services.fake_gcs import binary as fake_gcs_binary
from tests.services.given import given_kafka, given_postgresql, given_s3
from tests.services.hdfs import jars as hadoop_jars
from tests.services.hdfs import java as hadoop_java
from tests.services.kafka import jars, java
from tests.services.minio import binary as minio_binary
from tests.services.missing import ServiceMissing, is_ci
from tests.services.nginx import binary as nginx_binary
from tests.services.postgresql import binaries as postgresql_binaries
from tests.services.sshd import binary as sshd_binary
from tests.services.unprivileged import unprivileged


def postgresql() -> None:
    postgresql_binaries()
    unprivileged()


def kafka() -> None:
    java()
    jars()


def hdfs() -> None:
    hadoop_java()
    hadoop_jars()


def wanted() -> dict[str, Callable[[], object]]:
    """What must be had on this machine, by the name of the service."""
    services: dict[str, Callable[[], object]] = {
        "nginx": nginx_binary,
        "OpenSSH's server": sshd_binary,
        "Azurite": azurite_script,
        "HDFS": hdfs,
        "fake-gcs-server (built once, which takes some minutes)": fake_gcs_binary,
    }
    if not docker_answers():
        if given_postgresql() is None or is_ci():
            services["PostgreSQL"] = postgresql
        if given_kafka() is None or is_ci():
            services["Kafka"] = kafka
        if given_s3() is None or is_ci():
            services["MinIO (built once, which takes some minutes)"] = minio_binary
    return services


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> int:
    missing = 0
    for name, fetch in wanted().items():
        started = time.monotonic()
        say(f"{name} ... ")
        try:
            fetch()
        except ServiceMissing as error:
            missing += 1
            say(f"missing. {error}\n")
        else:
            say(f"there, {time.monotonic() - started:.1f} s\n")
    return 1 if missing and is_ci() else 0


if __name__ == "__main__":
    sys.exit(main())
