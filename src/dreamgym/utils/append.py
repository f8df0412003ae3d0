"""Lines added to a file that outlive the process: whole, in one write, behind whatever a kill left of one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def append_line(path: Path, line: str) -> None:
    """Add ``line``, which holds no line break, to the file at ``path``, durably."""
    data = line.encode() + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            data = b"\n" + data
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
