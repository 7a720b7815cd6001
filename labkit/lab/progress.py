"""A progress bar for anything that takes more than a second."""

from tqdm.auto import tqdm


def progress(steps, label="working", total=None):
    """Iterate over `steps`, showing how far it is and how long it will take; gone when done."""
    return tqdm(steps, desc=label, total=total, leave=False)
