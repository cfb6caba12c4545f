"""The log on a broker that asks for TLS, and for a name and password by each mechanism."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_log.kafka.assignment import KafkaAssignment
from event_log.kafka.event_log import open_kafka_log
from event_log.kafka.settings import KafkaSettings
from event_log.port import LogAccessRefused
from tests.contracts.event_log_contract import everything, param
from tests.services.kafka import QUICK_RETURN, Kafka, jars, java
from tests.services.missing import ServiceMissing, leave_out
from tests.services.ports import HOST, free_port

USER, PASSWORD = "ada", "se=cret word"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


class SecureKafka(Kafka):
    """Beside the open listener one that asks for TLS and SASL. Its users are those of PLAIN and of SCRAM."""

    secure_port: int

    def prepare(self) -> None:
        super().prepare()
        self.secure_port = free_port()
        make_certificate(self.folder)
        lines = self.properties_file.read_text().splitlines()
        written = dict(line.split("=", 1) for line in lines)
        secure = f"SECURE://{HOST}:{self.secure_port}"
        written |= {
            "listeners": f"{written['listeners']},{secure}",
            "advertised.listeners": f"{written['advertised.listeners']},{secure}",
            "listener.security.protocol.map": f"{written['listener.security.protocol.map']},SECURE:SASL_SSL",
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.secure.plain.sasl.jaas.config": f'{PLAIN} required user_{USER}="{PASSWORD}";',
            "listener.name.secure.scram-sha-512.sasl.jaas.config": f"{SCRAM} required;",
            "listener.name.secure.ssl.keystore.type": "PEM",
            "listener.name.secure.ssl.keystore.location": str(self.folder / "both.pem"),
        }
        self.properties_file.write_text("".join(f"{name}={value}\n" for name, value in written.items()))

    def add_scram_user(self) -> None:
        quoted = f"SCRAM-SHA-512=[iterations=4096,password={PASSWORD}]"
        subprocess.run(
            [
                *(java(), "-cp", f"{jars()}/*", "kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap),
                *("--alter", "--entity-type", "users", "--entity-name", USER, "--add-config", quoted),
            ],
            check=True,
            capture_output=True,
        )


def make_certificate(folder: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kafka"),
            *("-addext", f"subjectAltName=IP:{HOST}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    both = (folder / "key.pem").read_text() + (folder / "cert.pem").read_text()
    (folder / "both.pem").write_text(both)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    service = SecureKafka(tmp_path_factory.mktemp("secure-kafka"), settings=QUICK_RETURN)
    try:
        service.start()
        service.add_scram_user()
        yield service
    except ServiceMissing as missing:
        leave_out(missing)
    finally:
        service.discard()


def settings(kafka: SecureKafka, tmp_path: Path, mechanism: str, password: str = PASSWORD) -> KafkaSettings:
    file = tmp_path / "kafka.properties"
    file.write_text(
        f"security.protocol=SASL_SSL\nsasl.mechanism={mechanism}\nsasl.username={USER}\nsasl.password={password}\n"
        f"ssl.ca.location={kafka.folder / 'cert.pem'}\n"
    )
    return KafkaSettings.parse(f"kafka://{HOST}:{kafka.secure_port}/events-{mechanism.lower()}", file)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_client_with_the_right_password_appends_reads_and_joins(
    kafka: SecureKafka, tmp_path: Path, mechanism: str
) -> None:
    let_in = settings(kafka, tmp_path, mechanism)
    log = await open_kafka_log(let_in, partitions=2)
    await log.append([param(1, "p")])
    assert len(await everything(log)) == 1
    await log.close()
    assignment = KafkaAssignment(let_in, f"group-{mechanism}")
    await assignment.start()
    async with asyncio.timeout(20):
        while assignment.partitions != {0, 1}:
            await assignment.wait_for_change(assignment.partitions, 20)
    await assignment.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_client_with_a_wrong_password_is_told_so_without_the_password(
    kafka: SecureKafka, tmp_path: Path, mechanism: str
) -> None:
    with pytest.raises(LogAccessRefused, match=r"[Aa]uthentication failed") as refusal:
        await open_kafka_log(settings(kafka, tmp_path, mechanism, "wrong-password"))
    assert "wrong-password" not in str(refusal.value)


async def test_a_broker_whose_certificate_is_not_trusted_is_not_talked_to(kafka: SecureKafka, tmp_path: Path) -> None:
    make_certificate(tmp_path)
    trusting = settings(kafka, tmp_path, "PLAIN")
    (tmp_path / "kafka.properties").write_text(
        (tmp_path / "kafka.properties").read_text().replace(str(kafka.folder / "cert.pem"), str(tmp_path / "cert.pem"))
    )
    with pytest.raises(LogAccessRefused, match="certificate verify failed"):
        await open_kafka_log(KafkaSettings.parse(trusting.uri, tmp_path / "kafka.properties"))
