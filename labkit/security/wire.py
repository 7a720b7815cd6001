"""What somebody on the line sees: a recorder between client and server, and two ways of reading what it took down.

A recorder stands for whoever carries the bytes: the café's wireless network, a provider, a tapped cable. It holds no
key. It passes everything on unchanged.
"""

import socket
import struct
import threading
from contextlib import suppress

from labkit import validate
from labkit.security.transport import TIMEOUT, Listener

KINDS = {20: "change cipher spec", 21: "alert", 22: "handshake", 23: "encrypted"}


class Recorder(Listener):
    """A listener on the line to a server on this machine, for the length of a `with` block.

    address:   where the client connects, instead of to the server.
    sent:      the bytes that went to the server so far; `answered`: those that came back.
    """

    def __init__(self, server_address):
        """server_address: (host, port) as in `TLSServer.address`. Raises ValueError for another machine."""
        if not isinstance(server_address, tuple) or len(server_address) != 2 or server_address[0] != "127.0.0.1":
            raise ValueError(f"server_address must be ('127.0.0.1', port), got {server_address!r}")
        super().__init__()
        self._server_address = server_address
        self._copies = {"sent": bytearray(), "answered": bytearray()}

    @property
    def sent(self):
        return bytes(self._copies["sent"])

    @property
    def answered(self):
        return bytes(self._copies["answered"])

    def _handle(self, near):
        with suppress(OSError), socket.create_connection(self._server_address, timeout=TIMEOUT) as far:
            back = threading.Thread(target=self._pass_on, args=(far, near, "answered"), daemon=True)
            back.start()
            self._pass_on(near, far, "sent")
            back.join(2 * TIMEOUT)

    def _pass_on(self, source, target, direction):
        with suppress(OSError):
            while piece := source.recv(65536):
                self._copies[direction] += piece
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


def tls_records(stream):
    """The records of one direction of a TLS connection as a listener sees them: a list of (kind, bytes inside).

    stream: bytes. What does not look like TLS comes as a single ("not TLS", its length).
    """
    if not isinstance(stream, bytes):
        raise ValueError(f"stream must be bytes, got {type(stream).__name__}")
    records, at = [], 0
    while at + 5 <= len(stream):
        kind, version, length = struct.unpack_from(">BHH", stream, at)
        if kind not in KINDS or version >> 8 != 3:
            return [*records, ("not TLS", len(stream) - at)]
        records.append((KINDS[kind], min(length, len(stream) - at - 5)))
        at += 5 + length
    return records


def hexdump(content, *, lines=8, width=16):
    """Bytes as a listener's tool shows them: position, hexadecimal, and the characters that can be printed."""
    validate.integer(lines=lines, at_least=1), validate.integer(width=width, at_least=1)
    if not isinstance(content, bytes):
        raise ValueError(f"content must be bytes, got {type(content).__name__}")
    rows = []
    for at in range(0, min(len(content), lines * width), width):
        row = content[at:at + width]
        text = "".join(chr(each) if 32 <= each < 127 else "·" for each in row)
        rows.append(f"{at:04x}  {row.hex(' '):{3 * width}} {text}")
    return "\n".join(rows)
