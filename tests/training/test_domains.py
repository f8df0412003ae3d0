"""Settings reach the environment that they are of, also through a worker's spec."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from pydantic import ValidationError

from dreamgym.core.config import DreamGymConfig, EnvironmentConfig
from dreamgym.core.errors import ConfigError
from dreamgym.core.serialization import decode, encode
from dreamgym.environments.spec import EnvironmentSpec
from dreamgym.environments.webarena.env import WebarenaEnv
from dreamgym.environments.webarena.still.still_env import StillEnv
from dreamgym.training.audit import ReplayAuditor
from dreamgym.training.build import build_auditor
from dreamgym.training.domains.domain import Domain
from dreamgym.training.domains.players_cast import PlayersCast
from dreamgym.training.domains.real_worlds import spec_of
from dreamgym.training.domains.registry import open_domain
from dreamgym.training.grounds import Grounds
from dreamgym.training.models import environment_client
from dreamgym.utils.progress import Silent

STILL = "dreamgym.environments.webarena.still.still_env:StillEnv"


def test_a_user_that_is_named_is_the_one_that_speaks(tmp_path: Path) -> None:
    script = tmp_path / "user.json"
    script.write_text(json.dumps(["Good day."]))
    config = DreamGymConfig(environment=EnvironmentConfig(name="taubench", user=f"scripted:{script}"))
    domain = open_domain(config.environment, environment_client(config))
    task = domain.task_named("shop:train:0")

    async def opening() -> str:
        environment = (await domain.real_world(task, 0))()
        seen = await environment.reset(task, 0)
        await environment.close()
        return seen.text

    assert asyncio.run(opening()) == "customer: Good day."
    assert task.opening != "customer: Good day."


def test_the_logins_and_the_judge_reach_the_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With workers the logins alone, by a full path: a worker has a folder of its own."""
    script = tmp_path / "judge.json"
    script.write_text(json.dumps({"": "CORRECT"}))
    monkeypatch.chdir(tmp_path)
    settings = EnvironmentConfig(name="webarena", auth_dir=Path("logins"), judge=f"scripted:{script}")
    config = DreamGymConfig(environment=settings)
    client = environment_client(config)
    domain = open_domain(settings, client)
    made = asyncio.run(domain.real_world(domain.task_named("site:3:open_item"), 0))()
    assert isinstance(made, WebarenaEnv)
    assert (made._judge, made._auth_dir) == (client, Path("logins"))
    cast = open_domain(EnvironmentConfig(name="webarena", auth_dir=Path("logins"), state="full")).cast
    assert isinstance(cast, PlayersCast)
    spec = decode(EnvironmentSpec, json.loads(json.dumps(encode(cast.spec))))
    worker = spec.make()
    assert isinstance(worker, WebarenaEnv)
    assert worker._auth_dir == tmp_path / "logins"
    still = domain.cast
    assert isinstance(still, PlayersCast)
    assert isinstance(still.spec.make(), StillEnv)  # which knows no logins


def test_options_survive_the_way_to_a_worker() -> None:
    spec = spec_of("webarena", STILL, EnvironmentConfig(name="webarena"), (("state", "abstract"),))
    assert decode(EnvironmentSpec, json.loads(json.dumps(encode(spec)))) == spec
    assert spec.make().name == "webarena"


def test_a_state_that_no_page_has_is_refused() -> None:
    with pytest.raises(ValidationError, match="abstract"):
        EnvironmentConfig(name="webarena", state="half")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["alfworld", "taubench", "webshop", "webarena"])
def test_fresh_tasks_are_training_tasks_of_no_panel(name: str) -> None:
    domain = open_domain(EnvironmentConfig(name=name))
    assert domain.cast is not None
    fresh = [task.id for task in domain.cast.fresh_tasks(range(30))]
    listed = {task.id for panel in ("train", "valid") for task in domain.panels(panel, None)}
    assert len(set(fresh)) == 30
    assert not listed.intersection(fresh)
    assert all("valid" not in task.split for task in domain.cast.fresh_tasks(range(3)))
    assert [task.id for task in domain.cast.fresh_tasks(range(7, 9))] == fresh[7:9]


def test_a_world_without_tasks_beyond_its_panels_says_so() -> None:
    cast = open_domain(EnvironmentConfig(name="webarena")).cast
    assert isinstance(cast, PlayersCast)
    with pytest.raises(ConfigError, match="leave --fresh-tasks out"):
        replace(cast, fresh=None).fresh_tasks(range(1))


def test_the_sites_offline_data_need_no_browser_but_whole_pages_do() -> None:
    still = open_domain(EnvironmentConfig(name="webarena"))
    whole = open_domain(EnvironmentConfig(name="webarena", state="full"))
    assert isinstance(still.cast, PlayersCast)
    assert isinstance(whole.cast, PlayersCast)
    assert (still.cast.spec.make().__class__, whole.cast.spec.make().__class__) == (StillEnv, WebarenaEnv)
    assert "without a browser" in still.collected
    assert whole.collected == ""
    assert asyncio.run(_evaluated_in(still)) == asyncio.run(_evaluated_in(whole)) == WebarenaEnv


async def _evaluated_in(domain: Domain) -> type:
    return type((await domain.real_world(domain.task_named("site:3:open_item"), 0))())


@pytest.mark.parametrize("name", ["webarena", "webshop", "taubench"])
def test_a_dream_of_a_made_up_task_is_replayed_in_no_world(name: str) -> None:
    told = {"environment": {"name": name}, "training": {"fidelity": {"audit": "replay"}}}
    grounds = cast(Grounds, SimpleNamespace(domain=open_domain(EnvironmentConfig(name=name)), offline=()))
    for increment in (0.0, 0.5):
        config = DreamGymConfig.model_validate({**told, "curriculum": {"difficulty_increment": increment}})
        if increment:
            with pytest.raises(ConfigError, match="the curriculum makes"):
                build_auditor(config, grounds, {}, Silent())
        else:
            assert isinstance(build_auditor(config, grounds, {}, Silent()), ReplayAuditor)
