"""What a first message offers is read right, and the hybrid exchange takes place where the library has it."""

import ssl

import pytest

from labkit.security import CertificateAuthority, Recorder, Refused, ask, groups_offered, handshake, serve

NAME, DESK = "records.office.example", "desk-3.office.example"
HYBRID, ELLIPTIC = 1184 + 32, 32  # bytes of a client's share: FIPS 203, table 3, and RFC 7748


@pytest.fixture(scope="module")
def office():
    authority = CertificateAuthority("Office")
    return authority, authority.issue(NAME, "server"), authority.issue(DESK, "client")


def test_the_hybrid_is_agreed_on_with_the_openssl_of_cryptography(office):
    authority, server, client = office
    found = handshake(server, client, authority.certificate)
    assert found.group == "X25519MLKEM768" and found.offered["X25519MLKEM768"] == HYBRID and found.offered["X25519"] == ELLIPTIC


def test_without_it_the_messages_are_two_kilobytes_shorter(office):
    authority, server, client = office
    plain = handshake(server, client, authority.certificate, library="ssl", only_x25519=True)
    hybrid = handshake(server, client, authority.certificate)
    assert plain.group == "X25519" and plain.offered["X25519"] == 32 and sum(plain.offered.values()) == 32  # one share is sent
    assert 1100 < hybrid.client_bytes - plain.client_bytes < 1400 and 950 < hybrid.server_bytes - plain.server_bytes < 1250


def test_python_offers_what_its_openssl_has(office):
    authority, server, client = office
    found = handshake(server, client, authority.certificate, library="ssl")
    assert ("X25519MLKEM768" in found.offered) == (ssl.OPENSSL_VERSION_INFO >= (3, 5))
    assert found.group in found.offered


def test_the_first_message_is_read_off_the_line_of_lab_02(office):
    authority, server, client = office
    sides = {"identity": server, "trusted": authority.certificate}, {"identity": client, "trusted": authority.certificate, "server_name": NAME}
    with serve(lambda question: b"row", **sides[0]) as served:
        with Recorder(served.address) as listener:
            ask(listener.address, b"row 3", **sides[1])
    offered = groups_offered(listener.sent)
    assert offered["X25519"] == 32 and list(groups_offered(listener.answered)) == [next(each for each in offered if offered[each])]


@pytest.mark.parametrize("library", ["ssl", "cryptography"])
def test_neither_side_accepts_a_stranger(office, library):
    authority, server, client = office
    other = CertificateAuthority("Other")
    for server_side, client_side, name in [
            (other.issue(NAME, "server"), client, None), (server, other.issue(DESK, "client"), None), (server, client, "printer.office.example"),
            (authority.issue(NAME, "client"), client, None), (server, authority.issue(DESK, "server"), None),
            (authority.issue(NAME, "server", valid_days=1, starts_in_days=-3), client, None)]:
        with pytest.raises(Refused, match="refused"):
            handshake(server_side, client_side, authority.certificate, server_name=name, library=library)
    assert handshake(server, client, authority.certificate, library=library).group


def test_what_is_no_first_message_is_refused():
    for sent in (b"", b"GET / HTTP/1.1", bytes(200), bytes([22, 3, 1, 0, 5, 1]), bytes([22, 3, 1, 0, 5, 9, 0, 0, 0, 0])):
        with pytest.raises(ValueError, match="sent must begin"):
            groups_offered(sent)
    with pytest.raises(ValueError, match="sent must be bytes"):
        groups_offered("text")


def test_cut_messages_are_refused_in_words(office):
    authority, server, client = office
    with serve(lambda question: b"row", identity=server, trusted=authority.certificate) as served:
        with Recorder(served.address) as listener:
            ask(listener.address, b"row 3", identity=client, trusted=authority.certificate, server_name=NAME)
    whole = groups_offered(listener.sent)
    for length in range(1, 150):
        try:
            assert groups_offered(listener.sent[:length]) == whole
        except ValueError as error:
            assert str(error).startswith("sent must begin")


def test_bad_arguments(office):
    authority, server, client = office
    for arguments, options, named in (((server, "client", authority.certificate), {}, "client"),
                                      ((None, client, authority.certificate), {}, "server"),
                                      ((server, client, authority.certificate), {"library": "openssl"}, "library"),
                                      ((server, client, authority.certificate), {"only_x25519": True}, "only_x25519"),
                                      ((server, client, "pem"), {}, "trusted")):
        with pytest.raises(ValueError, match=f"{named} must"):
            handshake(*arguments, **options)
