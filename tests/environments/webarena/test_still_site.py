"""Our own site without a browser, beside a real Chromium on the same site."""

from __future__ import annotations

import asyncio

import pytest

from dreamgym.core.data_structures import Trajectory
from dreamgym.environments.webarena.env import WebarenaEnv
from dreamgym.environments.webarena.panels import spec_of, task_named
from dreamgym.environments.webarena.site.tasks import TEMPLATES
from dreamgym.environments.webarena.still.page_tree import read_html, title_of, value_of
from dreamgym.environments.webarena.still.still_episode import StillEpisode
from webarena_browser import needs_browser
from webarena_play import EPISODES, episode

BESIDE = [(task, player) for task, player in EPISODES if player != "expert"][::2]


@needs_browser
def test_a_browser_shows_and_pays_the_same() -> None:
    asyncio.run(_play_again([episode(task, player) for task, player in BESIDE]))


async def _play_again(trajectories: list[Trajectory]) -> None:
    environment = WebarenaEnv(max_turns=50)
    try:
        for trajectory in trajectories:
            assert (await environment.reset(trajectory.task, 0)).text == trajectory.task.opening
            for turn in trajectory.transitions:
                real = await environment.step(turn.action.text)
                assert (turn.next_state, turn.valid, turn.reward) == (
                    real.observation.text,
                    real.valid,
                    real.reward,
                )
    finally:
        await environment.close()


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_expert_wins_and_saying_done_at_once_does_not(template: str) -> None:
    assert episode(f"site:{list(TEMPLATES).index(template)}:{template}", "expert").success
    lazy = StillEpisode(spec_of(task_named(f"site:7:{template}")))
    assert lazy.act("send_msg_to_user('done')").reward == 0


def test_an_unsent_field_is_forgotten_with_its_page() -> None:
    world = StillEpisode(spec_of(task_named("site:8:move")))
    start = world.read()
    assert '"search" - lamp' in world.act("fill('6', 'lamp')").text
    assert world.act("click('1')").text == start


def test_a_page_is_read_tag_by_tag() -> None:
    root = read_html(
        "<title>a  b</title><p>one <b>two</b></p><select name=x><option>1</option>"
        "<option selected>2</option></select><input name=y value=3>"
    )
    assert title_of(root) == "a b"
    assert next(root.find("p")).text == "one two"
    assert [value_of(node) for node in root.walk() if node.tag in ("select", "input")] == ["2", "3"]
