"""Where the Kafka log is and how to be let in, by the names every Kafka client knows."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import unquote

DEFAULT_PORT: Final = 9092

_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_JAAS_VALUE: Final = r'\b{name}\s*=\s*"((?:[^"\\]|\\.)*)"'
_KNOWN: Final = frozenset(
    {
        "security.protocol",
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.username",
        "sasl.password",
        "sasl.jaas.config",
        "ssl.ca.location",
        "ssl.truststore.location",
        "ssl.truststore.type",
        "ssl.certificate.location",
        "ssl.key.location",
        "ssl.key.password",
        "ssl.endpoint.identification.algorithm",
    }
)


class BadKafkaSettings(ValueError):
    """The address or the configuration file is wrong; the message holds no password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """A topic of a cluster, and the client's credentials. Its `repr` shows no password."""

    bootstrap: tuple[str, ...]
    topic: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ca_location: str | None = None
    certificate_location: str | None = None
    key_location: str | None = None
    key_password: str | None = field(default=None, repr=False)
    verifies_host_name: bool = True

    @classmethod
    def parse(cls, uri: str, config_file: Path | str | None = None) -> Self:
        """The settings of `kafka://host:port,host:port/topic` and, where there is one, of a properties file.

        Raises BadKafkaSettings.
        """
        bootstrap, topic = _parse_uri(uri)
        properties = {} if config_file is None else _read_properties(Path(config_file))
        return cls(bootstrap=bootstrap, topic=topic, **_security(properties, config_file))

    @property
    def uri(self) -> str:
        return f"kafka://{','.join(self.bootstrap)}/{self.topic}"

    def connection_arguments(self) -> dict[str, Any]:
        """The arguments by which every class of aiokafka that opens connections is let in.

        Raises BadKafkaSettings when a certificate or key cannot be read.
        """
        arguments: dict[str, Any] = {
            "security_protocol": self.security_protocol,
            "ssl_context": self._ssl_context() if self.security_protocol.endswith("SSL") else None,
        }
        if self.security_protocol.startswith("SASL"):
            arguments["sasl_mechanism"] = self.sasl_mechanism
            arguments["sasl_plain_username"] = self.sasl_username
            arguments["sasl_plain_password"] = self.sasl_password
        return arguments

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_location)
            context.check_hostname = self.verifies_host_name
            if self.certificate_location is not None:
                # A function, so that a wrong or missing password is an error and never a question at the terminal.
                context.load_cert_chain(
                    self.certificate_location,
                    self.key_location,
                    lambda: self.key_password or "",
                )
        except (OSError, ssl.SSLError) as error:
            raise BadKafkaSettings(f"The certificates for Kafka cannot be loaded: {error}") from error
        return context


def _parse_uri(uri: str) -> tuple[tuple[str, ...], str]:
    scheme, separator, rest = uri.partition("://")
    hosts, _, topic = rest.partition("/")
    if scheme != "kafka" or not separator:
        raise BadKafkaSettings("The log on Kafka is named kafka://host:port,host:port/topic.")
    if "@" in hosts:
        raise BadKafkaSettings(
            "A user and password do not belong into the log's address; put sasl.username and sasl.password into the "
            "file of --kafka-config."
        )
    topic = unquote(topic)
    if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise BadKafkaSettings(
            f"{topic!r} is no name of a topic: kafka://host:port/topic, of letters, digits, '.', '_' and '-'."
        )
    bootstrap = tuple(_with_port(host.strip()) for host in hosts.split(",") if host.strip())
    if not bootstrap:
        raise BadKafkaSettings("The log's address names no broker: kafka://host:port,host:port/topic.")
    return bootstrap, topic


def _with_port(host: str) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(\d{1,5}))?", host)
    if match is None or int(match[2] or DEFAULT_PORT) > 65535:
        raise BadKafkaSettings(f"{host!r} is no broker's address: host:port, an IPv6 address in brackets.")
    return f"{match[1]}:{match[2] or DEFAULT_PORT}"


def _read_properties(path: Path) -> dict[str, str]:
    """A Java properties file, as far as clients' configurations use it: `name=value`, comments, continued lines."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadKafkaSettings(f"The Kafka configuration {path} cannot be read: {error}") from error
    properties: dict[str, str] = {}
    for number, line in enumerate(re.sub(r"\\\r?\n[ \t]*", "", text).splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#!":
            continue
        name, separator, value = stripped.partition("=")
        if not separator:
            # The line itself may be a password that went astray.
            raise BadKafkaSettings(f"Setting {number} of {path} is not of the form name=value.")
        properties[name.strip()] = value.strip()
    unknown = sorted(set(properties) - _KNOWN)
    if unknown:
        raise BadKafkaSettings(
            f"{path} sets {', '.join(unknown)}, which Tracklog does not know. It knows: {', '.join(sorted(_KNOWN))}."
        )
    return properties


def _security(properties: Mapping[str, str], source: Path | str | None) -> dict[str, Any]:
    protocol = properties.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in _PROTOCOLS:
        raise BadKafkaSettings(f"security.protocol is {protocol!r} in {source}; it is one of {', '.join(_PROTOCOLS)}.")
    found: dict[str, Any] = {"security_protocol": protocol}
    if protocol.startswith("SASL"):
        found |= _sasl(properties, source)
    if protocol.endswith("SSL"):
        found |= _tls(properties, source)
    return found


def _sasl(properties: Mapping[str, str], source: Path | str | None) -> dict[str, Any]:
    mechanism = (properties.get("sasl.mechanism") or properties.get("sasl.mechanisms") or "PLAIN").upper()
    if mechanism not in _MECHANISMS:
        raise BadKafkaSettings(f"sasl.mechanism is {mechanism!r} in {source}; it is one of {', '.join(_MECHANISMS)}.")
    jaas = properties.get("sasl.jaas.config", "")
    username = properties.get("sasl.username") or _jaas_value(jaas, "username")
    password = properties.get("sasl.password") or _jaas_value(jaas, "password")
    if username is None or password is None:
        raise BadKafkaSettings(f"{source} wants SASL and must set sasl.username and sasl.password.")
    return {"sasl_mechanism": mechanism, "sasl_username": username, "sasl_password": password}


def _jaas_value(jaas: str, name: str) -> str | None:
    match = re.search(_JAAS_VALUE.format(name=name), jaas)
    return None if match is None else re.sub(r"\\(.)", r"\1", match[1])


def _tls(properties: Mapping[str, str], source: Path | str | None) -> dict[str, Any]:
    if properties.get("ssl.truststore.type", "PEM").upper() != "PEM":
        raise BadKafkaSettings(f"{source} names a trust store that is not PEM; export it as PEM (ssl.ca.location).")
    identification = properties.get("ssl.endpoint.identification.algorithm", "https").lower()
    if identification not in ("https", "", "none"):
        raise BadKafkaSettings(f"ssl.endpoint.identification.algorithm in {source} is 'https' or empty.")
    return {
        "ca_location": properties.get("ssl.ca.location") or properties.get("ssl.truststore.location"),
        "certificate_location": properties.get("ssl.certificate.location"),
        "key_location": properties.get("ssl.key.location"),
        "key_password": properties.get("ssl.key.password"),
        "verifies_host_name": identification == "https",
    }
