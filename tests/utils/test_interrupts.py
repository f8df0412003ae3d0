"""A polite stop is heard also where Ctrl-C is not, and waits where the work at hand must be finished."""

import signal
from collections.abc import Iterator

import pytest

from dreamgym.utils.interrupts import interrupts_held, terminated_like_interrupted


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["foreground", "background"])
def shell(request: pytest.FixtureRequest) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_polite_stop_interrupts(shell: None) -> None:
    with terminated_like_interrupted(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_it_waits_for_the_work_at_hand(shell: None) -> None:
    with terminated_like_interrupted(), interrupts_held() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGTERM)
        assert interrupted()


def test_every_handler_is_put_back(shell: None) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with terminated_like_interrupted(), interrupts_held():
        pass
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before
