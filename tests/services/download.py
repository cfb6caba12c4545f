"""Fetch what the services need, once and before any test waits for it: `python -m tests.services.download`.

What cannot be had is said. That is an error only in continuous integration; elsewhere its tests are skipped.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tests.services.azurite import script as azurite_script
from tests.services.containers import docker_answers
from tests.services.fake_gcs import binary as fake_gcs_binary
from tests.services.given import given_kafka, given_mysql, given_postgresql, given_s3
from tests.services.hdfs import jars as hadoop_jars
from tests.services.hdfs import java as hadoop_java
from tests.services.kafka import jars, java
from tests.services.keycloak import java as keycloak_java
from tests.services.keycloak import made as keycloak_made
from tests.services.mariadb import binary as mariadb_binary
from tests.services.minio import binary as minio_binary
from tests.services.missing import ServiceMissing, is_ci
from tests.services.nginx import binary as nginx_binary
from tests.services.opentelemetry_node import modules as exporters_for_node
from tests.services.postgresql import binaries as postgresql_binaries
from tests.services.sshd import binary as sshd_binary
from tests.services.unprivileged import unprivileged

GOES_ON_S = 15.0
BUILT_ONCE = "MinIO (built once, which takes some minutes)"


def postgresql() -> None:
    postgresql_binaries()
    unprivileged()


def kafka() -> None:
    java()
    jars()


def hdfs() -> None:
    hadoop_java()
    hadoop_jars()


def keycloak() -> None:
    keycloak_java()
    keycloak_made()


def of_a_stack(*, with_kafka: bool) -> dict[str, Callable[[], object]]:
    """What `make stack` starts, none of it in containers."""
    of_kafka = {"Kafka": kafka} if with_kafka else {}
    return {"nginx": nginx_binary, "PostgreSQL": postgresql, **of_kafka, BUILT_ONCE: minio_binary}


def wanted() -> dict[str, Callable[[], object]]:
    """What must be had on this machine, by the name of the service."""
    services: dict[str, Callable[[], object]] = {
        "nginx": nginx_binary,
        "OpenSSH's server": sshd_binary,
        "Azurite": azurite_script,
        "OpenTelemetry's exporters for Node.js": exporters_for_node,
        "HDFS": hdfs,
        "Keycloak (built once, which takes a minute)": keycloak,
        "fake-gcs-server (built once, which takes some minutes)": fake_gcs_binary,
    }
    if given_mysql() is None or is_ci():
        services["MariaDB"] = mariadb_binary
    if not docker_answers():
        if given_postgresql() is None or is_ci():
            services["PostgreSQL"] = postgresql
        if given_kafka() is None or is_ci():
            services["Kafka"] = kafka
        if given_s3() is None or is_ci():
            services[BUILT_ONCE] = minio_binary
    return services


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@contextmanager
def said_to_go_on(name: str, said: Callable[[str], None], every_s: float = GOES_ON_S) -> Iterator[None]:
    """Say now and again that `name` is still being fetched or built, for those who wait and see nothing."""
    done = threading.Event()
    began = time.monotonic()

    def go_on() -> None:
        while not done.wait(every_s):
            said(f"  still at {name}, for {time.monotonic() - began:.0f} s\n")

    teller = threading.Thread(target=go_on, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def fetch(services: Mapping[str, Callable[[], object]], said: Callable[[str], None] = say) -> list[ServiceMissing]:
    """Fetch or build each that is not there yet, and say how it went; what cannot be had."""
    missing: list[ServiceMissing] = []
    for name, fetch_one in services.items():
        began = time.monotonic()
        said(f"{name} ...\n")
        try:
            with said_to_go_on(name, said):
                fetch_one()
        except ServiceMissing as error:
            missing.append(error)
            said(f"  missing. {error}\n")
        else:
            said(f"  there, {time.monotonic() - began:.1f} s\n")
    return missing


def main() -> int:
    return 1 if fetch(wanted()) and is_ci() else 0


if __name__ == "__main__":
    sys.exit(main())
