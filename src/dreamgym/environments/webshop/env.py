"""WebShop as an environment: a goal of the task, a shop to meet it in, a turn limit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamgym.core.data_structures import Origin, Task
from dreamgym.environments.base_env import Observation, StepResult
from dreamgym.environments.webshop.pages import Link
from dreamgym.environments.webshop.panels import world_of
from dreamgym.environments.webshop.session import Session, State

LONGEST_PAGE = 65_536  # characters; what stands beyond is cut off


@dataclass(frozen=True, kw_only=True, slots=True)
class _Snapshot:
    task: Task
    state: State
    turn: int
    over: bool


class WebshopEnv:
    """The real environment. ``data_dir`` is needed for the original's goals.

    The reward is 0 until the purchase, then in [0, 1]; ``won`` where it is 1. ``show_attributes`` adds the
    page of a product's attributes, as the original's option ``show_attrs`` does.
    """

    name = "webshop"
    origin = Origin.REAL
    sheet = None

    def __init__(
        self,
        max_turns: int = 15,
        data_dir: Path | None = None,
        *,
        show_admissible: bool = False,
        show_attributes: bool = False,
    ) -> None:
        self._max_turns = max_turns
        self._data_dir = data_dir
        self._show_admissible = show_admissible
        self._show_attributes = show_attributes
        self._task: Task | None = None
        self._session: Session | None = None
        self._turn = 0
        self._over = False

    async def reset(self, task: Task, seed: int) -> Observation:
        """Start at the search page; the shop holds no chance, so ``seed`` changes nothing."""
        self._begin(task)
        return self._observe()

    async def step(self, action: str) -> StepResult:
        """Act; what cannot be done here leaves the page as it was."""
        session = self._playing()
        if self._over:
            raise RuntimeError("the episode is over: call reset before the next step")
        valid = session.act(action)
        self._turn += 1
        bought = session.state.bought
        truncated = bought is None and self._turn >= self._max_turns
        self._over = bought is not None or truncated
        return StepResult(
            observation=self._observe(),
            reward=bought.reward if bought else 0.0,
            terminated=bought is not None,
            truncated=truncated,
            won=bought is not None and bought.reward == 1.0,
            valid=valid,
        )

    def snapshot(self) -> object:
        """See ``Environment``."""
        state = self._playing().state
        assert self._task is not None
        return _Snapshot(task=self._task, state=state, turn=self._turn, over=self._over)

    def restore(self, snapshot: object) -> None:
        """See ``Environment``; also in another ``WebshopEnv`` than the snapshot's."""
        if not isinstance(snapshot, _Snapshot):
            raise TypeError(f"{type(snapshot).__name__} is no snapshot of a WebshopEnv")
        if self._task != snapshot.task:
            self._begin(snapshot.task)
        self._playing().state = snapshot.state
        self._turn, self._over = snapshot.turn, snapshot.over

    async def close(self) -> None:
        """See ``Environment``."""
        self._task = self._session = None

    def _begin(self, task: Task) -> None:
        self._session = Session(*world_of(task, self._data_dir, show_attributes=self._show_attributes))
        self._task, self._turn, self._over = task, 0, False

    def _playing(self) -> Session:
        if self._session is None:
            raise RuntimeError("no episode was started: call reset first")
        return self._session

    def _observe(self) -> Observation:
        session = self._playing()
        text = session.text()[:LONGEST_PAGE]
        return Observation(text=text, admissible=self._admissible() if self._show_admissible else None)

    def _admissible(self) -> tuple[str, ...]:
        """A click on anything here; a search for the whole instruction where there is a search bar."""
        assert self._task is not None
        clickables = self._playing().clickables()
        if Link.SEARCH in clickables:
            return (f"search[{self._task.instruction}]",)
        return tuple(f"click[{name}]" for name in clickables)
