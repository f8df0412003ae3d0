"""Questions of many coroutines are answered by one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dreamgym.utils.gathering import Gathering


def doubling() -> tuple[Gathering[int, int], list[list[int]]]:
    calls: list[list[int]] = []

    def answer_all(questions: Sequence[int]) -> list[int]:
        calls.append(list(questions))
        return [2 * question for question in questions]

    return Gathering(answer_all), calls


def test_who_asks_together_is_answered_together() -> None:
    gathering, calls = doubling()

    async def twice(number: int) -> int:
        return await gathering.ask(await gathering.ask(number))

    async def run() -> list[int]:
        return await asyncio.gather(*(twice(number) for number in range(4)))

    assert asyncio.run(run()) == [0, 4, 8, 12]
    assert calls == [[0, 1, 2, 3], [0, 2, 4, 6]]
    assert asyncio.run(run()) == [0, 4, 8, 12]  # in a new event loop


def test_who_is_cancelled_is_not_asked_for() -> None:
    gathering, calls = doubling()

    async def run() -> int:
        gone, kept = asyncio.create_task(gathering.ask(1)), asyncio.create_task(gathering.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        return await kept

    assert asyncio.run(run()) == 4
    assert calls in ([[2]], [[1, 2]])


def test_an_error_reaches_all_and_the_next_are_served() -> None:
    def fail_once(questions: Sequence[int]) -> Sequence[int]:
        if -1 in questions:
            raise ValueError("minus one")
        return questions

    gathering: Gathering[int, int] = Gathering(fail_once)

    async def run() -> int:
        results = await asyncio.gather(gathering.ask(-1), gathering.ask(5), return_exceptions=True)
        assert [str(result) for result in results] == ["minus one", "minus one"]
        return await gathering.ask(6)

    assert asyncio.run(run()) == 6


def test_an_answer_too_few_is_an_error() -> None:
    gathering: Gathering[int, int] = Gathering(lambda questions: questions[1:])
    with pytest.raises(ValueError, match="zip"):
        asyncio.run(asyncio.wait_for(gathering.ask(1), timeout=1))
