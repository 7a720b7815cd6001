"""Run torch on a set number of threads, and put the old number back."""

from contextlib import contextmanager


@contextmanager
def torch_threads(count=1):
    """Inside the block torch uses `count` threads.

    The labs' models are small. A second thread then gains nothing, and on a busy two-core machine it makes the same
    work ten times slower, because the two wait for each other at every step.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
