"""A polite stop is heard also where Ctrl-C is not, and waits where the work at hand must be finished."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from dreamgym.utils.interrupts import interrupts_held, interrupts_raised, terminated_like_interrupted


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
    with terminated_like_interrupted(), interrupts_held(), interrupts_raised():
        pass
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


def test_it_raises_in_a_loop_that_is_blocked_and_lets_it_clean_up() -> None:
    closed = []

    async def asks() -> None:
        try:
            with interrupts_raised():
                signal.raise_signal(signal.SIGINT)  # while nothing is awaited
                closed.append("too late")
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(asks())
    finally:
        signal.signal(signal.SIGINT, before)
    assert closed == ["closed"]


def test_a_background_job_stays_deaf() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_raised():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
