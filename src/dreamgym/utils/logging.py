"""What happens inside, for who asks: ``DREAMGYM_LOG=debug dreamgym train``, or ``logging`` in Python."""

from __future__ import annotations

import logging
import os

from dreamgym.core.errors import ConfigError

VARIABLE = "DREAMGYM_LOG"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_as_asked() -> None:
    """Log to standard error at the level that ``DREAMGYM_LOG`` names; warnings only where it is not set."""
    level = os.environ.get(VARIABLE, "").upper()
    if not level:
        return
    if level not in logging.getLevelNamesMapping():
        raise ConfigError(f"{VARIABLE}={level.lower()}: wanted debug, info, warning or error")
    logging.basicConfig(format=FORMAT)
    logging.getLogger("dreamgym").setLevel(level)
