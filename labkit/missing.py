"""What a lab can do without: the error that says which optional part is absent, and what to type to get it."""


class ModelMissing(ImportError, RuntimeError):
    """A pretrained model, or the library that reads it, is not installed. The message says what to type."""
