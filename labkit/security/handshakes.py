"""Which key exchange protects a TLS connection, and what it adds in bytes: read from the first message, or agreed here.

The first message of TLS 1.3 is in the clear. It lists the *groups* that the client can use to agree on a key, and sends
a share for one or two of them. X25519MLKEM768 is two exchanges in one, an elliptic curve and ML-KEM: a listener needs to
break both. Whether Python's own `ssl` offers it depends on the OpenSSL that this Python was built with (3.5 or newer
does by itself); the `cryptography` package carries an OpenSSL of its own, which pyOpenSSL speaks TLS with.

Sources: RFC 8446, sections 4.1.2, 4.2.7 and 4.2.8; Kwiatkowski, Kampanakis, Westerbaan, Stebila, "Post-quantum hybrid
ECDHE-MLKEM key agreement for TLSv1.3", IETF draft-ietf-tls-ecdhe-mlkem; NIST FIPS 203, 2024.
"""

import ssl
import struct
from dataclasses import dataclass

from labkit import validate
from labkit.security.certificates import Identity
from labkit.security.transport import Refused, _context

GROUPS = {23: "P-256", 24: "P-384", 25: "P-521", 29: "X25519", 30: "X448", 41: "curveSM2", 256: "ffdhe2048", 257: "ffdhe3072",
          512: "MLKEM512", 513: "MLKEM768", 514: "MLKEM1024", 4587: "SecP256r1MLKEM768", 4588: "X25519MLKEM768",
          4589: "SecP384r1MLKEM1024", 4590: "curveSM2MLKEM768"}
SUPPORTED_GROUPS, KEY_SHARE = 10, 51  # extensions
LIBRARIES = ("ssl", "cryptography")
ROUNDS = 10  # more than a handshake takes


@dataclass(frozen=True)
class Handshake:
    """A handshake that both sides finished.

    group:         how the key was agreed on, such as "X25519"; as the server's answer names it.
    offered:       {group: bytes of its share} of the client's first message; 0 where it was only named.
    client_bytes, server_bytes:  what each side sent, certificates included.
    """

    group: str
    offered: dict
    client_bytes: int
    server_bytes: int


def groups_offered(sent):
    """{group: bytes of its share} in the first message of a TLS client, or the one of a server's answer.

    sent:  the bytes that one side sent first, such as `Recorder.sent`. A group that is named without a share has 0.
    Raises ValueError for anything that does not begin with such a message.
    """
    if not isinstance(sent, (bytes, bytearray)):
        raise ValueError(f"sent must be bytes, got {type(sent).__name__}")
    try:
        return _groups(bytes(sent))
    except (IndexError, struct.error):
        raise ValueError(f"sent must begin with a whole first message of TLS, got {len(sent)} bytes") from None


def _groups(sent):
    if sent[0] != 22 or sent[5] not in (1, 2):
        raise ValueError("sent must begin with the first message of a TLS client or server, got something else")
    client = sent[5] == 1
    message = sent[9:5 + struct.unpack_from(">H", sent, 3)[0]]
    at = 34 + 1 + message[34]                                       # version, random, session
    at += 2 + struct.unpack_from(">H", message, at)[0] if client else 2  # ciphers: a list, or the chosen one
    at += 1 + message[at] if client else 1                           # compression
    end, at, found = at + 2 + struct.unpack_from(">H", message, at)[0], at + 2, {}
    while at < end:
        kind, length = struct.unpack_from(">HH", message, at)
        body, at = message[at + 4:at + 4 + length], at + 4 + length
        if kind == SUPPORTED_GROUPS:
            for (group,) in struct.iter_unpack(">H", body[2:]):
                found.setdefault(_name(group), 0)
        elif kind == KEY_SHARE:
            place = 2 if client else 0
            while place < len(body):
                group, size = struct.unpack_from(">HH", body, place)
                found[_name(group)] = size
                place += 4 + size
    return found


def _name(group):
    return GROUPS.get(group, f"group {group}")


def handshake(server, client, trusted, *, server_name=None, library="cryptography", only_x25519=False):
    """Let two sides shake hands inside this process (TLS 1.3, both with certificates): a `Handshake`.

    server, client:  an `Identity` each.  server_name: whom the client asks for; by default the server's name.
    trusted:         the certificate (PEM) of the authority that must have signed both.
    library:         "ssl", Python's own, or "cryptography", whose OpenSSL knows ML-KEM (through pyOpenSSL).
    only_x25519:     agree on the key without ML-KEM; "ssl" only.
    Raises ValueError for arguments that are none of these, and Refused where one side does not accept the other.
    """
    for side, identity in (("server", server), ("client", client)):
        if not isinstance(identity, Identity):
            raise ValueError(f"{side} must be an Identity, got {type(identity).__name__}")
    if not (isinstance(trusted, bytes) and trusted.startswith(b"-----BEGIN CERTIFICATE")):
        raise ValueError(f"trusted must be a certificate in PEM, got {type(trusted).__name__}")
    name = server.name if server_name is None else server_name
    if validate.one_of(library=library, options=LIBRARIES) == "ssl":
        sides, names = _python_sides(server, client, trusted, name, only_x25519)
    elif only_x25519:
        raise ValueError("only_x25519 must be False with the library 'cryptography', got True")
    else:
        sides, names = _openssl_sides(server, client, trusted, name)
    first, sizes, finished = [b"", b""], [0, 0], [False, False]
    for _ in range(ROUNDS):
        for number, (advance, take) in enumerate(sides):
            finished[number] = advance() or finished[number]
            message = take()
            first[number] = first[number] or message
            sizes[number] += len(message)
            sides[1 - number][0](message)
        if all(finished):
            break
    if name not in names():
        raise Refused("the server was refused: its certificate is for another name")
    (group,) = groups_offered(first[1])
    return Handshake(group, groups_offered(first[0]), *sizes)


def _python_sides(server, client, trusted, name, only_x25519):
    """Two pairs, the client's first: a function that goes on (given what the other sent), and one that takes what the side
    says. And a function that gives the names that the server showed."""
    sides, wires = [], [(ssl.MemoryBIO(), ssl.MemoryBIO()) for _ in range(2)]
    for (into, out), identity, protocol, options in zip(wires, (client, server), (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER),
                                                        ({"server_hostname": name}, {"server_side": True})):
        context = _context(protocol, identity, trusted)
        if only_x25519:
            try:
                context.set_ecdh_curve("X25519")
            except ssl.SSLError:  # Python 3.11.2 takes the older curves only; without ML-KEM X25519 is what OpenSSL prefers
                if ssl.OPENSSL_VERSION_INFO >= (3, 5):
                    raise
        side = context.wrap_bio(into, out, **options)

        def advance(message=b"", side=side, into=into):
            into.write(message)
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                return False
            except ssl.SSLError as problem:
                raise Refused(f"one side refused the other: {problem.reason}") from None
            return True

        sides.append((advance, out.read))
    return sides, lambda: [name]  # the client has compared the name itself


def _openssl_sides(server, client, trusted, name):
    """The same with pyOpenSSL."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from OpenSSL import SSL, crypto

    sides = []
    for identity in (client, server):
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.use_certificate(x509.load_pem_x509_certificate(identity.certificate))
        context.use_privatekey(load_pem_private_key(identity.private_key, None))
        context.get_cert_store().add_cert(crypto.X509.from_cryptography(x509.load_pem_x509_certificate(trusted)))
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
        side = SSL.Connection(context)
        if identity is client:
            side.set_connect_state()
            side.set_tlsext_host_name(name.encode())
            asking = side
        else:
            side.set_accept_state()

        def advance(message=b"", side=side):
            if message:
                side.bio_write(message)
            try:
                side.do_handshake()
            except SSL.WantReadError:
                return False
            except SSL.Error as problem:
                raise Refused(f"one side refused the other: {problem}") from None
            return True

        def take(side=side):
            try:
                return side.bio_read(65536)
            except SSL.WantReadError:
                return b""

        sides.append((advance, take))

    def names():  # pyOpenSSL checks the signature and leaves the name to its user
        certificate = asking.get_peer_certificate(as_cryptography=True)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return found.get_values_for_type(x509.DNSName)

    return sides, names
