"""The one exception a person is meant to read: a sentence that says what to do."""


class Fault(Exception):
    """What went wrong and what to do about it, in one sentence."""
