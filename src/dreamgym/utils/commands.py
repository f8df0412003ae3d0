"""What every command does with an error: one line for what a person can mend, a traceback for a defect."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn, ParamSpec, TypeVar

from dreamgym.core.errors import ConfigError, DreamGymError
from dreamgym.utils.logging import log_as_asked

USER_ERROR, INTERRUPTED = 2, 130
# A full or read-only disk, a folder that is not ours, a file where a folder should be and the reverse.
_ABOUT_FILES = {
    getattr(errno, name)
    for name in (
        "ENOSPC",
        "EDQUOT",
        "EACCES",
        "EPERM",
        "EROFS",
        "ENOENT",
        "ENOTDIR",
        "EISDIR",
        "EEXIST",
        "EFBIG",
        "EIO",
    )
}
P = ParamSpec("P")
R = TypeVar("R")


def explained(command: Callable[P, R]) -> Callable[P, R]:
    """``command`` with ``one_line_errors``, and logging where ``DREAMGYM_LOG`` asks for it."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_line_errors():
            log_as_asked()
            return command(*args, **kwargs)

    return run


def check_output(output: Path) -> None:
    """Refuse a path that results could not be written to, before an hour of work."""
    if output.is_dir():
        raise ConfigError(f"--output {output} is a folder, wanted a file such as {output / 'results.json'}")
    nearest = next(parent for parent in output.absolute().parents if parent.exists())
    if not os.access(nearest, os.W_OK):
        raise ConfigError(f"--output {output}: its folder cannot be written to, choose another")


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Print what is explained as ``error: …`` and exit with 2; an interrupt exits with 130."""
    try:
        yield
    except DreamGymError as error:
        _leave(str(error), USER_ERROR)
    except sqlite3.Error as error:
        _leave(f"the database of experiences: {error}; is another process using it?", USER_ERROR)
    except OSError as error:
        if error.errno not in _ABOUT_FILES:
            raise
        where = f" ({error.filename})" if error.filename else ""
        _leave(f"cannot write{where}: {error.strerror}; make room or choose another folder", USER_ERROR)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)


def _leave(message: str, status: int) -> NoReturn:
    print(f"error: {message}" if status == USER_ERROR else message, file=sys.stderr)
    raise SystemExit(status)
