"""What every command does with an error: one line for what a person can mend, a traceback for a defect."""

from __future__ import annotations

import contextlib
import errno
import functools
import sqlite3
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn, ParamSpec, TypeVar

from dreamgym.core.errors import DreamGymError

USER_ERROR, INTERRUPTED = 2, 130
P = ParamSpec("P")
R = TypeVar("R")


def explained(command: Callable[P, R]) -> Callable[P, R]:
    """``command`` with ``one_line_errors``."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with one_line_errors():
            return command(*args, **kwargs)

    return run


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
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM):
            raise
        where = f" ({error.filename})" if error.filename else ""
        _leave(f"cannot write{where}: {error.strerror}; make room or choose another folder", USER_ERROR)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)


def _leave(message: str, status: int) -> NoReturn:
    print(f"error: {message}" if status == USER_ERROR else message, file=sys.stderr)
    raise SystemExit(status)
