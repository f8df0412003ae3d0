"""Two worlds side by side: the first difference is found, the words that differ are marked."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dreamgym.core.data_structures import Origin
from dreamgym.reports.episodes import MAX_ROWS, alone, beside_played, beside_replay, differing, views
from report_runs import episode


def test_the_first_difference_of_a_replay_is_marked() -> None:
    view = beside_replay(episode())  # the world says the same of shelves 1 and 2
    assert view.difference == 3
    assert [row.same for row in view.rows] == [True, True, False, False, False]
    assert [row.first_difference for row in view.rows] == [False, False, True, False, False]
    left, right = view.rows[2].left, view.rows[2].right
    assert left is not None
    assert right is not None
    assert (left.answer.before, left.answer.marked) == ("On the shelf 3, you see ", "a mug 1.")
    assert (right.answer.before, right.answer.marked) == ("On the shelf 3, you see ", "nothing.")
    assert left.action.marked == right.action.marked == ""
    assert view.ended == "not solved"


def test_a_win_of_the_dream_alone_is_a_difference_though_the_words_agree() -> None:
    record = episode(turns=2)
    won = replace(record.turns[1], reward=1.0, real_answer=record.turns[1].answer)
    view = beside_replay(replace(record, turns=(record.turns[0], won)))
    assert view.difference == 2


def test_where_nothing_differs_nothing_is_marked() -> None:
    view = beside_replay(episode(turns=2))
    assert view.difference is None
    assert all(row.left is None or not row.left.answer.marked for row in view.rows)


def test_of_two_episodes_the_longer_one_goes_on_alone() -> None:
    dream = episode(turns=3)
    real = replace(dream, origin=Origin.REAL, turns=dream.turns[:1], outcome="lost")
    view = beside_played(dream, real)
    assert view.difference == 2
    assert [row.right is None for row in view.rows] == [False, True, True]
    assert view.ended == "lost"


def test_each_dream_stands_beside_all_that_is_known_of_the_real_world() -> None:
    dream = episode()
    real = replace(dream, origin=Origin.REAL, real_success=None)
    elsewhere = replace(real, task_id="another")
    assert [bool(view.beside) for view in views([dream], [real])] == [True, True]
    assert [view.beside for view in views([replace(dream, real_success=None)], [elsewhere])] == [""]
    assert [view.beside for view in views([real], [])] == [""]


def test_long_episodes_are_cut_and_say_so() -> None:
    long = replace(episode(turns=MAX_ROWS + 7), left_out=5)
    for view in (alone(long), beside_replay(long), beside_played(long, episode(turns=2))):
        assert len(view.rows) == MAX_ROWS
        assert view.left_out == 12
    assert alone(episode(turns=3)).left_out == 0


WORDS = st.lists(st.sampled_from(["a", "b", "mug 1", ""]), max_size=8).map(" ".join)


@given(WORDS, WORDS)
def test_nothing_is_lost_and_what_is_not_marked_is_common(text: str, other: str) -> None:
    mine, theirs = differing(text, other), differing(other, text)
    assert mine.before + mine.marked + mine.after == text
    assert (mine.before, mine.after) == (theirs.before, theirs.after)
    assert (text == other) == (mine.marked == theirs.marked == "")
