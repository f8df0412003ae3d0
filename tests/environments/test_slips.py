"""The mistakes that are slipped in between a player's actions."""

from __future__ import annotations

from collections import Counter
from random import Random

from dreamgym.environments.base_env import Observation
from dreamgym.environments.players import draw_slip

SEEN = Observation(text="Opal Boots are here", admissible=("click[b07]",))


def test_an_action_is_mixed_up_with_words_that_are_seen_or_replaced_by_them() -> None:
    words, kinds = set(SEEN.text.split()), Counter[str]()
    places: Counter[str] = Counter()
    for seed in range(400):
        kind, action = draw_slip(SEEN, ("click[b01]",), Random(seed))
        kinds[kind] += 1
        if kind != "mixed":
            continue
        start, _, end = action.partition("click[b07]")
        if "click[b07]" in action:
            places["before" if start else "behind"] += 1
            assert set((start + end).split()) <= words
        else:
            places["instead" if set(action.split()) <= words else "within"] += 1
            assert any(word in action for word in words)
    assert set(kinds) == {"nonsense", "stale", "typo", "mixed"}
    assert min(kinds.values()) > 50
    assert set(places) == {"before", "behind", "instead", "within"}


def test_nothing_is_mixed_up_where_nothing_was_ever_possible() -> None:
    blank = Observation(text="", admissible=())
    assert {draw_slip(blank, (), Random(seed))[0] for seed in range(50)} == {"nonsense"}
    assert all(
        isinstance(draw_slip(Observation(text="", admissible=("go",)), (), Random(s))[1], str)
        for s in range(50)
    )
