"""Certificates for the servers and the clients of tests."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(address: str) -> tuple[bytes, bytes]:
    """The key and the certificate of a server at an IP address, as PEM, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(address)
    return _key_as_pem(key), _as_pem(_builder(name, key, address).issuer_name(name).sign(key, hashes.SHA256()))


class Authority:
    """Vouches for certificates that are good for a day. `certificate` is its own, as PEM."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        builder = _builder(self._name, self._key).issuer_name(self._name)
        may_sign = x509.BasicConstraints(ca=True, path_length=None)
        signed = builder.add_extension(may_sign, critical=True).sign(self._key, hashes.SHA256())
        self.certificate = _as_pem(signed)

    def issue(self, name: str, address: str | None = None) -> tuple[bytes, bytes]:
        """The key and the certificate of a client called `name`, or of a server at an IP address, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(_name(name), key, address).issuer_name(self._name).sign(self._key, hashes.SHA256())
        return _key_as_pem(key), _as_pem(certificate)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(name: x509.Name, key: ec.EllipticCurvePrivateKey, address: str | None = None) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
    if address is None:
        return builder
    return builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)


def _as_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_as_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
