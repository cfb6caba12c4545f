"""Where the Kafka log is and how to be let in."""

import ssl
import subprocess
from pathlib import Path

import pytest

from event_log.kafka.settings import BadKafkaSettings, KafkaSettings

URI = "kafka://one:9093,two/events"
SECRET = "hunter2-hunter2"


def parse(tmp_path: Path, text: str) -> KafkaSettings:
    file = tmp_path / "kafka.properties"
    file.write_text(text)
    return KafkaSettings.parse(URI, file)


def test_an_address_names_brokers_and_a_topic() -> None:
    settings = KafkaSettings.parse("kafka://one:9093,two,[::1]:9094/ml.events-1")
    assert settings.bootstrap == ("one:9093", "two:9092", "[::1]:9094")
    assert settings.topic == "ml.events-1"
    assert settings.uri == "kafka://one:9093,two:9092,[::1]:9094/ml.events-1"
    assert settings.connection_arguments() == {"security_protocol": "PLAINTEXT", "ssl_context": None}


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("kafka://one:9092", "no name of a topic"),
        ("kafka://one:9092/", "no name of a topic"),
        ("kafka://one:9092/a/b", "no name of a topic"),
        ("kafka://one:9092/..", "no name of a topic"),
        ("kafka:///events", "names no broker"),
        ("kafka://one:port/events", "no broker's address"),
        ("kafka://one:99999/events", "no broker's address"),
        ("kafka:one/events", "kafka://host:port"),
        (f"kafka://ada:{SECRET}@one/events", "sasl.password"),
    ],
)
def test_an_address_that_cannot_be_is_refused(uri: str, sentence: str) -> None:
    with pytest.raises(BadKafkaSettings, match=sentence) as refusal:
        KafkaSettings.parse(uri)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    "credentials",
    [
        f"sasl.username=ada\nsasl.password={SECRET}",
        f'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n  username="ada" '
        f'password="{SECRET}";',
    ],
)
def test_credentials_come_by_the_names_of_either_client_family(tmp_path: Path, credentials: str) -> None:
    settings = parse(
        tmp_path,
        f"# ours\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism = SCRAM-SHA-512\n{credentials}\n",
    )
    assert settings.connection_arguments() == {
        "security_protocol": "SASL_PLAINTEXT",
        "ssl_context": None,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ada",
        "sasl_plain_password": SECRET,
    }
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("acks=1", "acks, which Tracklog does not know"),
        ("security.protocol=TLS", "security.protocol is 'TLS'"),
        ("security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI", "sasl.mechanism is 'GSSAPI'"),
        ("security.protocol=SASL_SSL\nsasl.username=ada", "sasl.username and sasl.password"),
        ("security.protocol=SSL\nssl.truststore.type=JKS", "not PEM"),
        (f"{SECRET}", "not of the form name=value"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_without_telling_its_secrets(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(BadKafkaSettings, match=sentence) as refusal:
        parse(tmp_path, text)
    assert SECRET not in str(refusal.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadKafkaSettings, match="cannot be read"):
        KafkaSettings.parse(URI, tmp_path / "missing")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-subj", "/CN=client"),
            *("-passout", f"pass:{SECRET}", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return folder


def tls(certificate: Path, password: str) -> str:
    return (
        f"security.protocol=SSL\nssl.ca.location={certificate / 'cert.pem'}\n"
        f"ssl.certificate.location={certificate / 'cert.pem'}\nssl.key.location={certificate / 'key.pem'}\n"
        f"ssl.key.password={password}\n"
    )


def test_certificates_are_loaded_and_the_host_name_is_verified_unless_told_otherwise(
    tmp_path: Path, certificate: Path
) -> None:
    context = parse(tmp_path, tls(certificate, SECRET)).connection_arguments()["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    trusting = tls(certificate, SECRET) + "ssl.endpoint.identification.algorithm=\n"
    assert not parse(tmp_path, trusting).connection_arguments()["ssl_context"].check_hostname


def test_a_key_with_another_password_is_refused_without_telling_it(tmp_path: Path, certificate: Path) -> None:
    with pytest.raises(BadKafkaSettings, match="cannot be loaded") as refusal:
        parse(tmp_path, tls(certificate, "wrong-password")).connection_arguments()
    assert "wrong-password" not in str(refusal.value)
