"""A disk that takes no more, told by the system itself, is the error that it is."""

from __future__ import annotations

import errno
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from dreamgym.training.state_files import disk_errors, read_tensors, save_tensors

FULL = """
import sys, torch
from pathlib import Path
from dreamgym.training.state_files import save_tensors
from dreamgym.utils.commands import one_line_errors

with one_line_errors():
    save_tensors({"w": torch.zeros(1_000_000)}, Path(sys.argv[1]))
"""


def nothing_bigger_than(size: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails instead
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_weights_that_find_no_room_are_one_clear_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(tmp_path / "w.safetensors")]
    done = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=lambda: nothing_bigger_than(100_000), check=False
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: cannot write")
    assert "make room" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("message", "code"),
    [("I/O error: No space left on device (os error 28)", errno.ENOSPC), ("something else", errno.EIO)],
)
def test_the_reason_is_kept(tmp_path: Path, message: str, code: int) -> None:
    with pytest.raises(OSError, match="w") as caught, disk_errors(tmp_path / "w"):
        raise SafetensorError(message)
    assert caught.value.errno == code


def test_what_is_written_is_read(tmp_path: Path) -> None:
    save_tensors({"w": torch.arange(6).reshape(2, 3).T}, tmp_path / "w.safetensors")
    assert torch.equal(read_tensors(tmp_path / "w.safetensors")["w"], torch.arange(6).reshape(2, 3).T)
