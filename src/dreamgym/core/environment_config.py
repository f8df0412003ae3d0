"""The section ``environment``: which real environment it is, and the language model that it asks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from dreamgym.core.config_section import Section

SCRIPTED_USER = "scripted"  # whom a tau-bench world brings with it


class EnvironmentConfig(Section):
    """The real environment."""

    name: Literal["alfworld", "webshop", "webarena", "taubench", "traces"] = "alfworld"
    data_dir: Path | None = Field(None, description="folder of official games; DREAMGYM_DATA where unset")
    max_turns: PositiveInt = Field(50, description="turn limit of evaluation and real episodes")
    dream_max_turns: PositiveInt = Field(30, description="turn limit of dreamed episodes")
    show_admissible: bool = False
    offline_data: Path | None = Field(None, description="offline trajectories; None takes the shipped ones")
    user: str = Field(
        SCRIPTED_USER,
        description="who a tau-bench agent talks to: 'scripted', or a client such as openai:MODEL",
    )
    judge: str = Field(
        "", description="whom fuzzy matches of WebArena's tasks ask: a client such as openai:MODEL"
    )
    auth_dir: Path | None = Field(
        None, description="folder of logins to your own sites, made by WebArena's auto_login.py"
    )
    state: Literal["abstract", "full"] = Field(
        "abstract", description="of a WebArena page: the elements that matter (paper App. C), or all of them"
    )
    workers: int = Field(
        0, ge=0, le=64, description="processes that play the real environment; 0 plays it in this one"
    )

    @property
    def client(self) -> str:
        """The name of the language model that the environment asks; empty where it asks none."""
        return self.judge or ("" if self.user == SCRIPTED_USER else self.user)

    @property
    def client_role(self) -> Literal["user", "judge"]:
        """What that model is, which is also the name of its setting."""
        return "judge" if self.judge else "user"

    @model_validator(mode="after")
    def _knows_its_settings(self) -> EnvironmentConfig:
        users = None if self.user == SCRIPTED_USER else self.user
        for setting, value, name, meaning in (
            ("user", users, "taubench", "is whom a tau-bench agent talks to"),
            ("judge", self.judge, "webarena", "judges WebArena's tasks"),
            ("auth_dir", self.auth_dir, "webarena", "holds the logins to WebArena's sites"),
        ):
            if value and self.name != name:
                raise ValueError(
                    f"environment.{setting}={value} {meaning}, but environment.name is {self.name}: "
                    f"leave environment.{setting} out"
                )
        return self

    @model_validator(mode="after")
    def _its_client_can_be_asked(self) -> EnvironmentConfig:
        if self.client and self.workers:
            raise ValueError(
                f"environment.{self.client_role}={self.client} is asked by this process, which counts what "
                f"it costs, but environment.workers is {self.workers}: set environment.workers=0"
            )
        return self
