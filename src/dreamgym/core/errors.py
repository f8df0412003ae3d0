"""Errors that a user can act on: each message says what was found, what was wanted, what to do."""


class DreamGymError(Exception):
    """The base; the command line prints it in one line and exits with 2."""


class InvalidDreamError(DreamGymError):
    """The experience model's answer breaks the format or its own sheet; ends the trajectory."""


class ContextFullError(DreamGymError):
    """An episode no longer fits into the model's context; ends the trajectory."""
