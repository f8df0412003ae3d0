"""What training, evaluation and the commands ask of an environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dreamgym.core.data_structures import Sheet, Task, Trajectory
from dreamgym.core.errors import ConfigError
from dreamgym.environments.judged import JudgedEpisode
from dreamgym.environments.panel import Panel
from dreamgym.models.curriculum_generator import TaskVariator
from dreamgym.models.llm_client import LLMClient
from dreamgym.models.shown_lines import View
from dreamgym.training.annotation import NO_SHEET, PLAIN
from dreamgym.training.cast import Cast
from dreamgym.training.rollout import EnvironmentFactory


@dataclass(frozen=True, kw_only=True, slots=True)
class Domain:
    """A real environment: panels, how to make it, how to vary tasks, what a trajectory shows of it, and at
    which turn it contradicts itself.

    Without ``make_real`` it is in its trajectories and nowhere else: nothing can be played or replayed for
    real. Without ``replay`` its rules cannot play a dream again; where it ``replays_truth``, they play the
    task's own world, and a dream that is to be judged starts from its true sheet. ``over`` are the words by
    which a dream of it ends an episode without a win. ``sizes`` are those of the generated panels,
    ``originals`` the panels that need data which is not part of this package. ``collected`` tells where the
    cast plays, if elsewhere than agents are evaluated. ``view`` writes what is seen of a sheet.
    ``asking`` is ``make_real`` with a language model that it asks: the agent's user, or its judge.
    """

    name: str
    panels: Callable[[str, int | None], Sequence[Task]]
    make_real: EnvironmentFactory | None
    task_named: Callable[[str], Task]
    generated: Callable[[int], Task]  # by its seed
    sizes: Mapping[str, int] = field(default_factory=dict)
    originals: tuple[str, ...] = ()
    cast: Cast | None = None
    collected: str = ""
    variator: TaskVariator | None = None
    hindsight: Callable[[Trajectory], Sheet] = PLAIN.hindsight
    together: Callable[[Sequence[Sheet]], Sheet] = lambda sheets: sheets[0]
    contradiction: Callable[[Trajectory], int | None] = lambda trajectory: None
    true_sheet: Callable[[Task], Sheet] = lambda task: NO_SHEET  # to measure a dream beside the real world
    replay: Callable[[Trajectory], JudgedEpisode] | None = None
    replays_truth: bool = False
    over: tuple[str, ...] = ()
    view: View | None = None
    asking: Callable[[LLMClient], EnvironmentFactory] | None = None
    needs_episode: bool = False

    def judged_from(self, trajectory: Trajectory) -> Sheet:
        """The sheet that a dream of the trajectory's task starts from where it is to be replayed."""
        return self.true_sheet(trajectory.task) if self.replays_truth else self.hindsight(trajectory)

    @property
    def real_world(self) -> EnvironmentFactory:
        """``make_real``, where it is asked for.

        Raises:
            ConfigError: there is none.
        """
        if self.make_real is None:
            raise ConfigError(
                f"the environment '{self.name}' is in its trajectories alone, so nothing can be played in it "
                "for real: use --dream where success is measured, or another --env"
            )
        return self.make_real


def tasks_of(panel: Callable[[], Panel]) -> Sequence[Task]:
    """The tasks of a panel; a size that it has not is the setting's mistake."""
    try:
        return panel().tasks
    except ValueError as error:
        raise ConfigError(f"{error}: lower training.eval_episodes or --num-episodes") from None
