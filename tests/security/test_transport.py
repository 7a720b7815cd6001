"""Mutual TLS on this machine: who is let in, who is not and why, and what a listener gets to see."""

import socket
import threading
import time

import pytest

from labkit.security import transport
from labkit.security.certificates import CertificateAuthority, Identity
from labkit.security.transport import Refused, ask, serve
from labkit.security.wire import Recorder, hexdump, tls_records

NAME, DESK = "records.office.example", "desk-3.office.example"
CA, OTHER, NAMESAKE = CertificateAuthority(), CertificateAuthority("Other authority"), CertificateAuthority()
SERVER, CLIENT = CA.issue(NAME, "server"), CA.issue(DESK, "client")


def answer(question):
    return b"salary of " + question


def exchange(*, server=SERVER, client=CLIENT, server_name=NAME, trusted=CA, clients=(DESK,)):
    """What the client got (bytes, or the words of the refusal) and what the server noted."""
    with serve(answer, identity=server, trusted=CA.certificate, clients=clients) as listening:
        try:
            got = ask(listening.address, b"row 3", trusted=trusted.certificate, server_name=server_name, identity=client)
        except Refused as refusal:
            got = str(refusal)
    return got, listening.refused


def test_the_right_two_understand_each_other():
    assert exchange() == (b"salary of row 3", [])
    assert exchange(clients=None) == (b"salary of row 3", [])


@pytest.mark.parametrize("client, reason", [
    (None, "it showed no certificate"),
    (OTHER.issue(DESK, "client"), "its certificate comes from an authority not trusted here"),
    (NAMESAKE.issue(DESK, "client"), "its certificate comes from an authority not trusted here"),
    (CA.issue(DESK, "client", valid_days=1, starts_in_days=-3), "its certificate has expired"),
    (CA.issue(DESK, "client", starts_in_days=3), "its certificate is not valid yet"),
    (CA.issue("canteen.office.example", "client"), "its certificate is for another name"),
    (CA.issue(DESK, "server"), "its certificate is not for this use")])
def test_clients_that_are_refused_and_why(client, reason):
    got, refused = exchange(client=client)
    assert got == "the server closed the connection without an answer"
    assert refused == [f"the client was refused: {reason}"]


@pytest.mark.parametrize("change, reason", [
    ({"server": OTHER.issue(NAME, "server")}, "its certificate comes from an authority not trusted here"),
    ({"trusted": OTHER}, "its certificate comes from an authority not trusted here"),
    ({"server": CA.issue(NAME, "server", valid_days=1, starts_in_days=-3)}, "its certificate has expired"),
    ({"server": CA.issue("elsewhere.example", "server")}, "its certificate is for another name"),
    ({"server_name": "records.office.example.attacker.example"}, "its certificate is for another name"),
    ({"server": CA.issue(NAME, "client")}, "its certificate is not for this use")])
def test_servers_that_are_refused_and_why(change, reason):
    got, _refused = exchange(**change)
    assert got == f"the server was refused: {reason}"


def test_a_stolen_certificate_without_its_key_is_useless():
    stolen = Identity(DESK, CLIENT.certificate, CA.issue(DESK, "client").private_key)
    with pytest.raises((OSError, ValueError)):
        exchange(client=stolen)


def test_no_speaking_in_the_clear_to_a_tls_server():
    with serve(answer, identity=SERVER, trusted=CA.certificate) as listening:
        with pytest.raises(Refused):
            ask(listening.address, b"row 3")
    assert listening.refused == ["the client was refused: it does not speak TLS 1.3"]


def test_the_server_survives_what_it_refuses():
    with serve(answer, identity=SERVER, trusted=CA.certificate) as listening:
        with pytest.raises(Refused):
            ask(listening.address, b"row 3", trusted=CA.certificate, server_name=NAME)
        assert ask(listening.address, b"row 3", trusted=CA.certificate, server_name=NAME, identity=CLIENT) == b"salary of row 3"


def test_an_answering_function_that_fails_shows_nothing_of_its_error():
    def fails(_question):
        raise RuntimeError("secret detail")

    with serve(fails) as listening:
        with pytest.raises(Refused) as refused:
            ask(listening.address, b"x")
    assert listening.refused == ["no answer was given: RuntimeError"] and "secret" not in str(refused.value)


def record(secure, question, size=None):
    server = {"identity": SERVER, "trusted": CA.certificate} if secure else {}
    client = {"identity": CLIENT, "trusted": CA.certificate, "server_name": NAME} if secure else {}
    with serve(lambda asked: b"salary of " + asked if size is None else bytes(size), **server) as listening, Recorder(listening.address) as recorder:
        got = ask(recorder.address, question, **client)
    return got, recorder


def test_what_a_listener_sees_in_the_clear_and_under_tls():
    question = b"a question that nobody else should read"
    got, plain = record(False, question)
    assert got == b"salary of " + question and question in plain.sent and question in plain.answered
    got, secure = record(True, question)
    assert got == b"salary of " + question
    assert question not in secure.sent + secure.answered and b"salary" not in secure.answered
    assert DESK.encode() not in secure.sent  # TLS 1.3 hides the client's certificate
    assert NAME.encode() in secure.sent      # but not the name of the server that is asked for
    assert tls_records(secure.sent)[0][0] == "handshake" and tls_records(secure.sent)[-1][0] == "encrypted"
    assert tls_records(plain.sent) == [("not TLS", len(plain.sent))]


def test_a_listener_still_sees_how_much_was_said():
    """The length under TLS grows by exactly what the answer grows by."""
    lengths = [sum(length for _, length in tls_records(record(True, b"x", size)[1].answered)) for size in (1000, 3000)]
    assert abs(lengths[1] - lengths[0] - 2000) <= 8  # a signature in the handshake varies by a byte or two


def test_a_large_message_goes_through_a_recorder():
    got, recorder = record(True, b"x" * 3_000_000)
    assert got == b"salary of " + b"x" * 3_000_000 and len(recorder.sent) > 3_000_000


def test_nobody_listens_after_the_block_and_no_thread_stays():
    before = threading.active_count()
    with serve(answer) as listening, Recorder(listening.address) as recorder:
        ask(recorder.address, b"x")
    for address in (listening.address, recorder.address):
        with pytest.raises(Refused):
            ask(address, b"x")
    assert threading.active_count() == before


def test_a_silent_client_does_not_block_the_server_for_ever(monkeypatch):
    monkeypatch.setattr(transport, "TIMEOUT", 0.2)
    began = time.monotonic()
    with serve(answer) as listening, socket.create_connection(listening.address):
        time.sleep(0.8)
    assert time.monotonic() - began < 5 and listening.refused == ["no answer was given: TimeoutError"]


@pytest.mark.parametrize("secure", [False, True])
def test_who_says_nothing_keeps_nobody_waiting(secure):
    """Several idle connections, and one that sends a byte now and then, do not hold up the next caller."""
    ours = {"identity": SERVER, "trusted": CA.certificate} if secure else {}
    theirs = {"trusted": CA.certificate, "server_name": NAME, "identity": CLIENT} if secure else {}
    with serve(answer, **ours) as server:
        idle = [socket.create_connection(server.address) for _ in range(5)]
        idle[0].sendall(b"\x16")
        began = time.monotonic()
        assert ask(server.address, b"x", **theirs) == b"salary of x"
        assert time.monotonic() - began < transport.TIMEOUT / 2
        for each in idle:
            each.close()


def test_a_byte_now_and_then_does_not_hold_the_line_for_ever(monkeypatch):
    monkeypatch.setattr(transport, "TIMEOUT", 0.3)
    with serve(answer) as server:
        slow = socket.create_connection(server.address)
        slow.sendall((50).to_bytes(4, "big"))
        began = time.monotonic()
        with pytest.raises(OSError):
            for _ in range(50):
                time.sleep(0.1)
                slow.sendall(b"x")
        assert time.monotonic() - began < 2
        slow.close()
    assert server.refused == ["no answer was given: ConnectionError"] or "Timeout" in server.refused[0]


def test_a_message_that_claims_to_be_huge_is_not_waited_for():
    with serve(answer) as listening, socket.create_connection(listening.address, timeout=5) as connection:
        connection.sendall(b"\xff\xff\xff\xff")
        assert connection.recv(1) == b""
    assert listening.refused == ["no answer was given: ConnectionError"]


def test_keys_do_not_show():
    secret = CLIENT.private_key.decode().split("\n")[1]
    for shown in (repr(CLIENT), str(CLIENT), repr(CA), repr([CLIENT])):
        assert secret not in shown and "PRIVATE" not in shown


def test_certificates_say_what_they_are_for():
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(CLIENT.certificate)
    extensions = certificate.extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [DESK]
    authority = x509.load_pem_x509_certificate(CA.certificate)
    certificate.verify_directly_issued_by(authority)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_hexdump():
    assert hexdump(b"Hello\x00\xff and more", lines=1, width=8) == "0000  48 65 6c 6c 6f 00 ff 20  Hello·· "
    assert hexdump(b"") == "" and len(hexdump(bytes(100), lines=3).split("\n")) == 3


PEM = CA.certificate


@pytest.mark.parametrize("call, name", [
    (lambda: CertificateAuthority(""), "name"), (lambda: CertificateAuthority(3), "name"), (lambda: CertificateAuthority(valid_days=0), "valid_days"),
    (lambda: CA.issue("a/b", "client"), "name"), (lambda: CA.issue("x" * 65, "client"), "name"), (lambda: CA.issue("ü", "client"), "name"),
    (lambda: CA.issue("a", "both"), "usage"), (lambda: CA.issue("a", None), "usage"),
    (lambda: CA.issue("a", "client", valid_days=float("nan")), "valid_days"),
    (lambda: CA.issue("a", "client", valid_days=-1), "valid_days"), (lambda: CA.issue("a", "client", starts_in_days=float("inf")), "starts_in_days"),
    (lambda: serve("answer"), "answer"), (lambda: serve(answer, identity="x", trusted=PEM), "identity"),
    (lambda: serve(answer, identity=SERVER), "trusted"), (lambda: serve(answer, trusted=PEM), "trusted"),
    (lambda: serve(answer, identity=SERVER, trusted="PEM"), "trusted"), (lambda: serve(answer, clients=["a"]), "clients"),
    (lambda: serve(answer, identity=SERVER, trusted=PEM, clients="a"), "clients"),
    (lambda: ask("127.0.0.1", b"x"), "address"), (lambda: ask(None, b"x"), "address"), (lambda: ask(("127.0.0.1", 0), b"x"), "port"),
    (lambda: ask(("127.0.0.1", float("nan")), b"x"), "port"),
    (lambda: ask(("127.0.0.1", 1), "text"), "question"), (lambda: ask(("127.0.0.1", 1), None), "question"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=PEM), "trusted"), (lambda: ask(("127.0.0.1", 1), b"x", identity=CLIENT), "trusted"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=b"junk", server_name="a"), "trusted"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=PEM, server_name="a", identity=PEM), "identity"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=PEM[:40], server_name="a"), "trusted"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=PEM[:40] + b"\xff", server_name="a"), "trusted"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=PEM, server_name=""), "server_name"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=PEM, server_name=5), "server_name"),
    (lambda: ask(("127.0.0.1", 1), b"x", trusted=PEM, server_name="a",
                 identity=Identity("a", CLIENT.certificate, SERVER.private_key)), "identity"),
    (lambda: CA.issue("a", "client", valid_days=1e12), "valid_days"), (lambda: CA.issue("a", "client", starts_in_days=-1e12), "starts_in_days"),
    (lambda: Recorder(("192.0.2.1", 80)), "server_address"),
    (lambda: Recorder("127.0.0.1"), "server_address"), (lambda: Recorder(None), "server_address"),
    (lambda: hexdump("text"), "content"), (lambda: hexdump(b"x", lines=0), "lines"), (lambda: hexdump(b"x", width=1.5), "width"),
    (lambda: tls_records("text"), "stream"), (lambda: tls_records(None), "stream")])
def test_bad_arguments(call, name):
    with pytest.raises(ValueError, match=f"^(the )?{name} ?"):
        call()
