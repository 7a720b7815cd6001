"""One question and one answer over a connection, in the clear or under mutual TLS, and what a listener sees of it.

Mutual TLS: the client checks the server's certificate and name, the server checks the client's; only then does
application data flow, encrypted and authenticated. Everything here stays on this machine (127.0.0.1), with short
timeouts, and ends when its `with` block ends.

Source: Rescorla, "The Transport Layer Security (TLS) protocol version 1.3", RFC 8446 (2018).
"""

import os
import socket
import ssl
import tempfile
import threading
import time
from pathlib import Path

from labkit import validate
from labkit.security.certificates import Identity

HOST = "127.0.0.1"
TIMEOUT = 5.0  # seconds that any one step may take, and a whole message
AT_ONCE = 64  # connections; who comes after that waits for one of them to end
LONGEST = 16 * 2**20

# What OpenSSL's verification errors mean (openssl-verify(1)), in words that do not change with its version.
REASONS = {10: "its certificate has expired", 9: "its certificate is not valid yet",
           18: "its certificate is signed by itself", 19: "its certificate comes from an authority not trusted here",
           20: "its certificate comes from an authority not trusted here",
           7: "its certificate is not what the authority signed",
           26: "its certificate is not for this use", 62: "its certificate is for another name"}


class Refused(ConnectionError):
    """One side did not accept the other, or the connection broke."""


class Listener:
    """Accepts connections on a free port of 127.0.0.1. Each has a thread of its own, so that one who says nothing holds up nobody."""

    def __init__(self):
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(0.05)  # how often it looks whether to stop
        self.address = self._listener.getsockname()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._free, self._talking = threading.Semaphore(AT_ONCE), []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closing.set()
        for thread in [self._thread, *self._talking]:
            thread.join(4 * TIMEOUT)

    def _run(self):
        with self._listener:
            while not self._closing.is_set():
                try:
                    connection, _ = self._listener.accept()
                except TimeoutError:
                    continue
                connection.settimeout(TIMEOUT)
                self._free.acquire()
                self._talking = [each for each in self._talking if each.is_alive()]
                self._talking.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
                self._talking[-1].start()

    def _talk(self, connection):
        try:
            with connection:
                self._handle(connection)
        finally:
            self._free.release()


class TLSServer(Listener):
    """Made by `serve`. `refused` says why connections were turned away; it is complete when the block has ended."""

    def __init__(self, answer, context, allowed):
        super().__init__()
        self._context, self._allowed = context, allowed
        self._answer_now, self._one_by_one = answer, threading.Lock()
        self.refused = []

    def _answer(self, question):
        with self._one_by_one:  # whoever wrote `answer` need not think of threads
            return self._answer_now(question)

    def _handle(self, connection):
        try:
            if self._context is None:
                send(connection, self._answer(receive(connection)))
                return
            with self._context.wrap_socket(connection, server_side=True) as secure:
                if self._allowed is None or self._allowed & set(_names(secure.getpeercert())):
                    send(secure, self._answer(receive(secure)))
                else:
                    self.refused.append("the client was refused: its certificate is for another name")
        except ssl.SSLError as problem:
            self.refused.append(_told_by_server(problem))
        except Exception as problem:  # a broken connection, or `answer` failed: this one ends, the server does not
            self.refused.append(f"no answer was given: {type(problem).__name__}")


def serve(answer, *, identity=None, trusted=None, clients=None):
    """A server on a free port of 127.0.0.1, for the length of a `with` block.

    answer:    a function from the bytes of a question to the bytes of the answer.
    identity:  the server's `Identity`; None serves in the clear.
    trusted:   the certificate (PEM) of the authority whose clients are let in; required with an identity.
    clients:   the names of the clients that may ask, or None for all that the authority signed for.
    Raises ValueError for any other combination.
    """
    if not callable(answer):
        raise ValueError(f"answer must be a function of bytes, got {answer!r}")
    if isinstance(clients, str):
        raise ValueError(f"clients must be a collection of names, got the text {clients!r}")
    context = _context(ssl.PROTOCOL_TLS_SERVER, identity, trusted)
    if context is None and clients is not None:
        raise ValueError("clients can be told apart only with an identity (TLS), got none")
    if context is not None and trusted is None:
        raise ValueError("trusted must be an authority's certificate: without it any client would be let in")
    return TLSServer(answer, context, None if clients is None else set(clients))


def ask(address, question, *, trusted=None, server_name=None, identity=None):
    """Send a question (bytes) to `address` and return the answer (bytes).

    trusted:      the certificate (PEM) of the authority that must have signed the server; None asks in the clear.
    server_name:  the name that the server's certificate must carry; required with `trusted`.
    identity:     the client's `Identity`, to show to the server.
    Raises Refused, saying why, when either side does not accept the other or nobody answers.
    """
    if not isinstance(address, tuple) or len(address) != 2 or not isinstance(address[0], str):
        raise ValueError(f"address must be (host, port), got {address!r}")
    validate.integer(port=address[1], at_least=1, at_most=65535)
    if not isinstance(question, bytes) or len(question) > LONGEST:
        raise ValueError(f"question must be bytes, at most {LONGEST}, got {type(question).__name__}")
    if (trusted is None) != (server_name is None) or (trusted is None and identity is not None):
        raise ValueError("trusted and server_name go together, and an identity needs both")
    if server_name is not None and (not isinstance(server_name, str) or not server_name):
        raise ValueError(f"server_name must be the name in the server's certificate, got {server_name!r:.60}")
    context = _context(ssl.PROTOCOL_TLS_CLIENT, identity, trusted) if trusted is not None else None
    try:
        with socket.create_connection(address, timeout=TIMEOUT) as connection:
            if context is None:
                send(connection, question)
                return receive(connection)
            with context.wrap_socket(connection, server_hostname=server_name) as secure:
                send(secure, question)
                return receive(secure)
    except ssl.SSLCertVerificationError as problem:
        raise Refused(f"the server was refused: {_reason(problem)}") from None
    except (ssl.SSLError, OSError):  # under TLS 1.3 the client learns only now that the server did not want it
        raise Refused("the server closed the connection without an answer") from None


def _context(protocol, identity, trusted):
    if identity is not None and not isinstance(identity, Identity):
        raise ValueError(f"identity must be an Identity, got {type(identity).__name__}")
    if trusted is not None and not (isinstance(trusted, bytes) and trusted.startswith(b"-----BEGIN CERTIFICATE")):
        raise ValueError(f"trusted must be a certificate in PEM, got {type(trusted).__name__}")
    if identity is None and protocol == ssl.PROTOCOL_TLS_SERVER:
        if trusted is not None:
            raise ValueError("trusted needs an identity: a server without one speaks in the clear")
        return None
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    if trusted is not None:
        try:
            context.load_verify_locations(cadata=trusted.decode("ascii"))
        except (ssl.SSLError, ValueError):
            raise ValueError("trusted must be a certificate in PEM, got one that cannot be read") from None
    if identity is not None:
        with tempfile.TemporaryDirectory() as folder:  # the ssl module reads keys only from files
            path = Path(folder) / "identity.pem"
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(identity.private_key + identity.certificate)
            try:
                context.load_cert_chain(path)
            except ssl.SSLError:
                raise ValueError("identity must be a certificate and its own private key, got two that do not belong together") from None
    return context


def _reason(problem):
    return REASONS.get(problem.verify_code, f"its certificate does not hold (code {problem.verify_code})")


def _told_by_server(problem):
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"the client was refused: {_reason(problem)}"
    if problem.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "the client was refused: it showed no certificate"
    if isinstance(problem, ssl.SSLEOFError) or "ALERT" in (problem.reason or ""):
        return "the client hung up: it did not accept this server"
    return "the client was refused: it does not speak TLS 1.3"


def _names(certificate):
    return [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]


def send(connection, message):
    """One message: four bytes of length, then the bytes."""
    if not isinstance(message, bytes) or len(message) > LONGEST:
        raise ValueError(f"message must be bytes, at most {LONGEST}, got {type(message).__name__}")
    connection.sendall(len(message).to_bytes(4, "big") + message)


def receive(connection):
    """The next message. Raises ConnectionError when it ends early, takes too long, or claims to be too long to be one."""
    until = time.monotonic() + TIMEOUT
    length = int.from_bytes(_exactly(connection, 4, until), "big")
    if length > LONGEST:
        raise ConnectionError("the other side speaks another language")
    return _exactly(connection, length, until)


def _exactly(connection, count, until):
    pieces = []
    while count:
        left = until - time.monotonic()
        if left <= 0:  # a byte now and then would otherwise hold the line for ever
            raise ConnectionError("the message took too long")
        connection.settimeout(left)
        piece = connection.recv(min(count, 65536))
        if not piece:
            raise ConnectionError("the connection ended early")
        pieces.append(piece)
        count -= len(piece)
    connection.settimeout(TIMEOUT)
    return b"".join(pieces)
