"""A certificate of the car's own: no authority vouches for it, so its fingerprint is shown to be compared."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from car.errors import AccessError
from car.files import reason
from car.pairing.machine import machine_names
from car.pairing.store import write_private

# A Raspberry Pi has no battery for its clock: no certificate may depend on the day it was made.
VALID_FROM = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
VALID_TO = datetime.datetime(2049, 12, 31, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where certificate and key are, and the certificate's SHA-256 as browsers show it."""

    certificate: Path
    key: Path
    fingerprint: str


def own_certificate(folder: Path) -> Certificate:
    """Return the certificate in ``folder``, made when there is none that can be read; raises AccessError."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    found = Certificate(folder / "certificate.pem", folder / "key.pem", "")
    try:
        if not found.key.exists():
            _make(found)
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    except OSError as error:
        raise AccessError(f"{found.certificate} cannot be read ({reason(error)}). Remove {found.key}.") from error
    except ValueError:
        raise AccessError(f"{found.certificate} is not a certificate. Remove {found.key} to get a new one.") from None
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Certificate(found.certificate, found.key, digest)


def _make(paths: Certificate) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pocketpilot car")])
    names = [*(x509.DNSName(name) for name in sorted(machine_names()) if name.isascii())]
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(VALID_FROM)
        .not_valid_after(VALID_TO)
        .add_extension(
            x509.SubjectAlternativeName([*names, x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    certificate = builder.sign(key, hashes.SHA256())
    write_private(paths.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    # The key comes last: with it there, all is there.
    write_private(
        paths.key,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
