"""A private certificate authority: who may speak on a network of one's own, and for how long.

A certificate is a public key with a name, signed. Whoever trusts the authority's certificate can check the name of
anybody it signed for, without asking. A company's own services use a private authority like this one; the public web
has public ones, which check that the name is yours.

Source: Cooper et al., "Internet X.509 public key infrastructure certificate and CRL profile", RFC 5280 (2008).
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from labkit import validate

MOST_DAYS = 36_500  # a hundred years
USAGE = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class Identity:
    """A name with its certificate and private key, both in PEM; the key is not shown when this is printed."""

    name: str
    certificate: bytes
    private_key: bytes = field(repr=False)

    def __repr__(self):
        return f"<Identity {self.name!r}>"


class CertificateAuthority:
    """Signs certificates. `certificate` (PEM) is what others must trust; the private key stays in here."""

    def __init__(self, name="Lab authority", *, valid_days=3650.0):
        """A new authority with a fresh P-256 key; it signs itself."""
        self.name = _name(name=name)
        days = _days(valid_days=validate.positive(valid_days=valid_days))
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(self.name, self.name, self._key.public_key(), 0.0, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
        self._signed = builder.sign(self._key, hashes.SHA256())
        self.certificate = self._signed.public_bytes(serialization.Encoding.PEM)

    def __repr__(self):
        return f"<CertificateAuthority {self.name!r}>"

    def issue(self, name, usage, *, valid_days=30.0, starts_in_days=0.0):
        """A certificate and a fresh private key for `name`.

        name:            a host name in letters, digits, dots and dashes, such as "records.hospital.example".
        usage:           "server" or "client": a stolen client certificate must not make a server.
        valid_days:      how long it holds from its start. Short is safer: nothing here can call it back.
        starts_in_days:  when it starts, from now; negative for the past, which makes expired ones for an experiment.
        Returns an `Identity`. Raises ValueError for anything else.
        """
        _name(name=name), validate.one_of(usage=usage, options=USAGE)
        days, start = _days(valid_days=validate.positive(valid_days=valid_days)), _days(starts_in_days=validate.finite(starts_in_days=starts_in_days))
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(name, self.name, key.public_key(), start, days)
        for extension, critical in [
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (_key_usage(signs_certificates=False), True),
                (x509.ExtendedKeyUsage([USAGE[usage]]), False),
                (x509.SubjectAlternativeName([x509.DNSName(name)]), False),
                (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False)]:
            builder = builder.add_extension(extension, critical=critical)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Identity(name, certificate.public_bytes(serialization.Encoding.PEM),
                        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))


def _builder(subject, issuer, public_key, starts_in_days, days):
    start = datetime.now(UTC) + timedelta(days=starts_in_days) - timedelta(minutes=5)  # clocks differ a little
    name = {who: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for who, text in [(0, subject), (1, issuer)]}
    return (x509.CertificateBuilder().subject_name(name[0]).issuer_name(name[1]).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False))


def _key_usage(signs_certificates):
    return x509.KeyUsage(digital_signature=not signs_certificates, key_cert_sign=signs_certificates,
                         crl_sign=signs_certificates, content_commitment=False, key_encipherment=False,
                         data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False)


def _days(**argument):
    ((name, value),) = argument.items()
    if abs(value) > MOST_DAYS:
        raise ValueError(f"{name} must be at most {MOST_DAYS} days, got {value!r}")
    return value


def _name(**argument):
    ((name, value),) = argument.items()
    allowed = "1 to 64 letters, digits, dots, dashes and spaces"
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or not value.isascii() \
            or not all(each.isalnum() or each in ".- " for each in value):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return value
