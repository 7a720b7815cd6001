"""Parties exchange bytes and nothing else; a ledger writes down who saw what."""

import io
import struct
from dataclasses import dataclass, field

from labkit.encrypted.ckks.planning import bytes_text

COUNT, LENGTH = struct.Struct(">I"), struct.Struct(">Q")


def join(messages):
    """Several messages (a sequence of bytes) as one; `split` takes them apart. ValueError for anything but bytes."""
    if not isinstance(messages, (list, tuple)) or not all(isinstance(each, bytes) for each in messages):
        raise ValueError(f"messages must be a list of bytes, got {type(messages).__name__}")
    joined = io.BytesIO(COUNT.pack(len(messages)))
    joined.seek(0, io.SEEK_END)
    for each in messages:  # b"".join of a generator would hold everything three times
        joined.write(LENGTH.pack(len(each)))
        joined.write(each)
    return joined.getvalue()


def split(message):
    """The list of messages in the bytes that `join` made; ValueError when they are cut short or too long."""
    if not isinstance(message, bytes) or len(message) < COUNT.size:
        raise ValueError(f"message must be bytes made by join, got {type(message).__name__}")
    (count,), position, found = COUNT.unpack_from(message), COUNT.size, []
    for _ in range(count):
        if position + LENGTH.size > len(message):
            break
        (length,) = LENGTH.unpack_from(message, position)
        position += LENGTH.size
        found.append(message[position : position + length])
        position += length
    if len(found) != count or position != len(message):
        raise ValueError(f"message must hold {count} whole messages, got {len(message)} bytes that do not")
    return found


@dataclass
class MessageLedger:
    """Passes messages between parties by name, and keeps a list of them.

        answer = ledger.send("server", "client", "encrypted scores", server.answer(request))
    """

    entries: list = field(default_factory=list)

    def send(self, sender, receiver, what, message):
        """Note a message and hand it on unchanged. ValueError unless it is bytes: no object crosses between parties."""
        if not isinstance(message, bytes):
            raise ValueError(f"message must be bytes, got {type(message).__name__}: parties share no objects")
        self.entries.append((str(sender), str(receiver), str(what), message))
        return message

    def seen_by(self, receiver):
        """What one party received: a list of (what, bytes)."""
        return [(what, message) for _, to, what, message in self.entries if to == receiver]

    def total(self, receiver):
        """How many bytes one party received."""
        return sum(len(message) for _, message in self.seen_by(receiver))

    def __str__(self):
        # two digits: how well bytes compress differs a little from one ciphertext to the next
        rows = [(f"{sender} -> {receiver}", what, bytes_text(len(message), digits=2))
                for sender, receiver, what, message in self.entries]
        widths = [max(len(row[i]) for row in rows) if rows else 0 for i in range(2)]
        return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c:>9}" for a, b, c in rows)


Ledger = MessageLedger  # its name in version 0.1
