"""Certificates for the servers and the clients of tests."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
"""What an authority's certificate has to say of its key: Python 3.13 is strict. It wants both identifiers, too."""


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
        own = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
        builder = _builder(self._name, self._key).issuer_name(self._name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(SIGNS_CERTIFICATES, critical=True).add_extension(own, critical=False)
        self.certificate = _as_pem(builder.sign(self._key, hashes.SHA256()))

    def issue(self, name: str, address: str | None = None) -> tuple[bytes, bytes]:
        """The key and the certificate of a client called `name`, or of a server at an IP address, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), key, address).issuer_name(self._name)
        certificate = builder.add_extension(self._identifier, critical=False).sign(self._key, hashes.SHA256())
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
