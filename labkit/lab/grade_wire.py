"""Values between the process that judges and the one that runs a submission.

The judge must never unpickle what it does not know: a pickle can name any function to be called. It reads plain values,
arrays, and the few classes that an exercise's answer may be made of; functions stay where they are and are called from afar.
"""

import io
import pickle
import struct
import types

MOST_BYTES = 20_000_000  # of one message
READABLE = {
    "builtins": {"set", "frozenset", "complex", "bytearray", "range", "slice"},
    "fractions": {"Fraction"}, "decimal": {"Decimal"},
    "numpy": {"ndarray", "dtype"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"}, "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"}, "numpy.core.numeric": {"_frombuffer"},
    "labkit.encrypted.paillier": {"Encrypted", "PublicKey"},
    "labkit.exercises.lab_10": {"_Counted"}, "labkit.exercises.lab_11": {"_Counted"},
    "labkit.security.policy": {"Rule"},
    "labkit.lab.grade_wire": {"Remote"},
}


class Remote:
    """Stands for a function that lives in the other process, by number."""

    def __init__(self, number):
        self.number = number


class _Careful(pickle.Unpickler):
    def find_class(self, module, name):
        if name in READABLE.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} is no part of an answer")


class _Pickler(pickle.Pickler):
    """Pickles data as usual, and a function as a `Remote` that is kept in `functions`."""

    def __init__(self, file, functions):
        super().__init__(file, protocol=4)
        self.functions = functions

    def reducer_override(self, value):
        of_numpy = (getattr(value, "__module__", None) or "").startswith("numpy.")  # they rebuild arrays and generators
        if isinstance(value, (types.FunctionType, types.MethodType)) and not of_numpy:
            self.functions.append(value)
            return Remote, (len(self.functions) - 1,)
        return NotImplemented


class Wire:
    """Messages over two binary files. `careful`: read only what an answer may hold (the judge's side)."""

    def __init__(self, reading, writing, *, careful):
        self.reading, self.writing, self.careful = reading, writing, careful
        self.functions = []  # of this side, by number

    def pack(self, value):
        """The bytes of a value. Raises pickle errors, TypeError or AttributeError for what cannot be sent."""
        buffer = io.BytesIO()
        _Pickler(buffer, self.functions).dump(value)
        return buffer.getvalue()

    def unpack(self, content):
        """The value of some bytes; raises pickle.UnpicklingError for what may not be read."""
        return (_Careful if self.careful else pickle.Unpickler)(io.BytesIO(content)).load()

    def send(self, value):
        """Send one message."""
        content = self.pack(value)
        self.writing.write(struct.pack(">I", len(content)) + content)
        self.writing.flush()

    def receive(self):
        """Wait for one message. EOFError at the end, ValueError for one that is too long."""
        head = self.reading.read(4)
        if len(head) < 4:
            raise EOFError("the other process has ended")
        (length,) = struct.unpack(">I", head)
        if length > MOST_BYTES:
            raise ValueError(f"length of a message must be at most {MOST_BYTES}, got {length}")
        content = self.reading.read(length)
        if len(content) < length:
            raise EOFError("the other process has ended")
        return self.unpack(content)
