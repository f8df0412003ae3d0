"""Our own environments pass the check that we ask of others, and show themselves to Gymnasium."""

from __future__ import annotations

import contextlib

import gymnasium
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check

from dreamgym.core.config import BufferConfig, ReasoningModelConfig
from dreamgym.environments.alfworld.env import AlfworldEnv
from dreamgym.environments.alfworld.panels import panel
from dreamgym.environments.checks import check_env
from dreamgym.environments.dream import DreamEnv
from dreamgym.environments.gymnasium_view import GymnasiumView
from dreamgym.models.llm_client import ScriptedClient
from dreamgym.models.reasoning_model import ReasoningExperienceModel
from dreamgym.models.replay_buffer import ExperienceReplayBuffer
from experiences import experience

REFUSAL = "\nfail\nnext: Nothing happens.\nreward: 0\ndone: no"


def dream() -> DreamEnv:
    """A dream in which every unseen place holds nothing and no action works."""
    client = ScriptedClient({"\naction:": REFUSAL, ";": " nothing\nend", " =": " closed; nothing\nend"})
    return DreamEnv(ReasoningExperienceModel(ReasoningModelConfig(top_k=0), client))


@pytest.mark.parametrize("show_admissible", [True, False])
def test_alfworld_keeps_the_protocol(show_admissible: bool) -> None:
    task = panel("valid", 1).tasks[0]
    actions = ["look", "inventory", "go to countertop 1", "examine countertop 1"]
    report = check_env(lambda: AlfworldEnv(show_admissible=show_admissible), task, actions=actions)
    assert not report.failures


def test_the_dream_keeps_the_protocol() -> None:
    report = check_env(dream, panel("valid", 1).tasks[0], actions=["look", "go to cabinet 1"])
    assert not report.failures


def test_gymnasium_plays_a_dream_that_is_grounded_in_a_buffer() -> None:
    """The view has a thread of its own, the buffer's file was opened in this one."""
    client = ScriptedClient({"\naction:": REFUSAL, ";": " nothing\nend", " =": " closed; nothing\nend"})
    with contextlib.closing(ExperienceReplayBuffer(BufferConfig())) as buffer:
        buffer.add_experience(experience("a"))
        model = ReasoningExperienceModel(ReasoningModelConfig(), client, retriever=buffer)
        view = GymnasiumView(DreamEnv(model), panel("valid", 1).tasks)
        view.reset(seed=0)
        text, reward, terminated, truncated, info = view.step("look")
        assert (text, reward, terminated, truncated) == ("Nothing happens.", 0.0, False, False)
        assert not info["valid"]
        assert "\nlike: " in client.prompts[-1]
        view.close()


def test_gymnasium_plays_alfworld() -> None:
    tasks = panel("valid", 3).tasks
    gymnasium.register(
        "dreamgym/Alfworld-v0", lambda **settings: GymnasiumView(AlfworldEnv(), tasks, **settings)
    )
    view = gymnasium.make("dreamgym/Alfworld-v0")
    gymnasium_check(view.unwrapped)
    text, info = view.reset(seed=0)
    assert f"Your task is to: {info['instruction']}" in text
    view.close()
