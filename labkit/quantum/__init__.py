"""What a quantum computer would break, and what it would not, on a state vector held by an ordinary one.

`shor` finds periods, and with them the factors of a number; `grover` finds one entry among many. Both keep every
amplitude in memory, so they show exactly what the machine would do, for numbers that need no such machine.
"""

from labkit.lazy import public_names

__getattr__, __dir__, __all__ = public_names(__name__, __file__)
