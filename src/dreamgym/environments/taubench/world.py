"""A task with the world that it is played in: tau-bench's own from its files, our shop from a seed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dreamgym.core.errors import DataError
from dreamgym.environments.taubench.database import Base
from dreamgym.environments.taubench.guard import Guard, NoGuard, ShopGuard
from dreamgym.environments.taubench.official import SPLITS, data_folder, load_domain
from dreamgym.environments.taubench.official_tasks import load_scripts
from dreamgym.environments.taubench.script import Script
from dreamgym.environments.taubench.shop import make_shop
from dreamgym.environments.taubench.shop_tools import INSTRUCTION, TOOLS
from dreamgym.environments.taubench.shop_user import shop_user
from dreamgym.environments.taubench.tools import Toolbox
from dreamgym.environments.taubench.user import OpenUser, User

SHOP = "shop"
SPEAKER = "customer: "
SHOP_SPLITS = ("train", "valid")
NAMED = "shop:train:0, shop:valid:7, retail:test:7 (splits train, dev, test) or airline:test:30"
_ID = re.compile(r"([a-z]+):([a-z]+):(0|[1-9]\d{0,5})")


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that an episode of one task starts from.

    ``user`` is the scripted one, ``says`` whether what the agent said holds a required output, ``speaker``
    opens what the user says.
    """

    script: Script
    base: Base
    toolbox: Toolbox
    user: User
    guard: Guard
    says: Callable[[str, str], bool]
    instruction: str
    task_type: str
    opening: str = ""
    speaker: str = ""


def world_of(id: str, data_dir: Path | None = None) -> World:
    """The world of the task ``id``.

    Raises:
        DataError: there is no such task.
        UnavailableError: it is one of tau-bench's own, and its files are not there.
    """
    match = _ID.fullmatch(id)
    if match is None:
        raise DataError(f"no tau-bench task {id!r}: wanted an id such as {NAMED}")
    domain, split, number = match[1], match[2], int(match[3])
    if domain == SHOP and split in SHOP_SPLITS:
        return _shop_world(split, number)
    if split not in SPLITS.get(domain, ()):
        raise DataError(f"no tau-bench tasks {domain}:{split}: wanted an id such as {NAMED}")
    return _official_world(id, domain, split, number, data_dir)


def _shop_world(split: str, number: int) -> World:
    shop = make_shop(split, number)
    user = shop_user(shop.customer, shop.requests)
    return World(
        script=shop.script,
        base=shop.base,
        toolbox=TOOLS,
        user=user,
        guard=ShopGuard(),
        says=_says_word,
        instruction=INSTRUCTION,
        task_type=shop.requests[0].kind,
        opening=f"{SPEAKER}{user.opening}",
        speaker=SPEAKER,
    )


def _official_world(id: str, name: str, split: str, number: int, data_dir: Path | None) -> World:
    folder = data_folder(data_dir, id)
    scripts = load_scripts(folder, name, split)
    if number >= len(scripts):
        raise DataError(f"no task {id}: {name}:{split} has {len(scripts)}, the last is {len(scripts) - 1}")
    domain, script = load_domain(folder, name), scripts[number]
    return World(
        script=script,
        base=domain.base,
        toolbox=domain.toolbox,
        user=OpenUser(instruction=script.instruction),
        guard=NoGuard(),
        says=_says_text,
        instruction=domain.instruction,
        task_type=name,
    )


def _says_word(output: str, content: str) -> bool:
    """Our own rule: the output as a word of its own, so that 140 does not say 40."""
    return re.search(rf"(?<!\w){re.escape(output)}(?!\w)", content.lower()) is not None


def _says_text(output: str, content: str) -> bool:
    """tau-bench's rule: the output anywhere, whatever its case, without thousands separators."""
    return output.lower() in content.lower().replace(",", "")
