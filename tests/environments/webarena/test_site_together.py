"""What the episodes of one task have shown of the site, put together."""

from __future__ import annotations

from dataclasses import replace

from dreamgym.core.data_structures import Sheet
from dreamgym.environments.webarena.notes.annotate import agrees, annotate
from dreamgym.environments.webarena.notes.facts import ANSWER, DONE, TOLD
from dreamgym.environments.webarena.notes.hindsight import hindsight_sheet
from dreamgym.environments.webarena.notes.together import together
from dreamgym.models.sheet import AT, make_sheet, value_of
from webarena_play import EPISODES, episode

HOME, LIST, LAMP = "page: SHOPPING - shop", "page: SHOPPING/list - list, page 1 of 2", "page: SHOPPING/item/1"
FIRST = make_sheet(
    {
        AT: "page 5", "hand": "blank", "answer": "send_msg_to_user oslo .", "done": "no", "told": "known",
        "page 5": HOME, "page 5 [1]": "link, page 6", "page 5 [2]": "link, unknown", "page 6": LIST,
        "page 6 [1]": "button, {= page 6 sends {[2]||1}}", "page 6 sends 2": "page 5, goal",
    }
)  # fmt: skip
SECOND = make_sheet(
    {
        AT: "page 6", "hand": "blank", "answer": "unknown", "done": "no", "told": "unseen",
        "page 6": HOME, "page 6 [1]": "link, page 9", "page 6 [2]": "link, page 5", "page 9": LIST,
        "page 9 sends 2": "page 6", "page 9 sends page 6": "page 5", "find page 6": "page 5", "page 5": LAMP,
        "page 5 down": "unknown",
    }
)  # fmt: skip


def same(one: Sheet, other: Sheet) -> bool:
    return dict(one.facts) == dict(other.facts)


def test_pages_that_show_the_same_are_one_page() -> None:
    known = dict(together([FIRST, SECOND]).facts)
    lamp = next(key for key, value in known.items() if value == LAMP)
    assert lamp not in ("page 5", "page 6")
    assert known == {
        **dict(FIRST.facts), "page 5 [2]": f"link, {lamp}", lamp: LAMP, f"{lamp} down": "unknown",
        "page 6 sends page 6": lamp, "find page 6": lamp,
    }  # fmt: skip
    assert same(together([FIRST]), FIRST)
    assert same(together([FIRST, FIRST]), FIRST)


def test_who_comes_later_tells_what_was_open() -> None:
    known = together([SECOND, FIRST])
    assert value_of(known, AT) == "page 6"
    assert value_of(known, TOLD) == "known"
    assert value_of(known, ANSWER) == "send_msg_to_user oslo ."
    assert value_of(known, DONE) == "no"
    assert value_of(known, "page 9 sends 2") == "page 6, goal"


def test_a_lost_episode_is_answered_by_what_a_won_one_has_shown() -> None:
    turns = right = 0
    for number in range(0, len(EPISODES), 4):
        players = EPISODES[number : number + 4]
        episodes = [episode(task, player) for task, player in players]
        sheet = together([hindsight_sheet(each) for each in episodes])
        assert value_of(sheet, TOLD) == "known"
        for each in episodes:
            own = hindsight_sheet(each)
            again = hindsight_sheet(replace(each, id=f"{each.id}/again"))  # other numbers, the same pages
            assert len(together([own, again]).facts) == len(own.facts)
            for turn, logged in zip(annotate(each, sheet), each.transitions, strict=True):
                turns += 1
                right += turn.written is not None and agrees(turn.answer, logged)
    assert turns > 800
    assert right >= 0.99 * turns
