"""How real turns become turns to learn from (Eq. 5): by an environment's rules, or plainly, as they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dreamgym.core.data_structures import Sheet, Task, Trajectory
from dreamgym.environments.alfworld.annotate import annotate
from dreamgym.environments.alfworld.hindsight import hindsight_sheet
from dreamgym.environments.annotated import AnnotatedTurn
from dreamgym.environments.taubench.notes import annotate as shop_turns
from dreamgym.environments.taubench.notes import hindsight as shop
from dreamgym.environments.taubench.notes.phrases import PHRASES as SHOP_PHRASES
from dreamgym.environments.taubench.world import SHOP as OWN_SHOP
from dreamgym.environments.webarena.notes import annotate as site_turns
from dreamgym.environments.webarena.notes import hindsight as site
from dreamgym.environments.webarena.notes.phrases import PHRASES as SITE_PHRASES
from dreamgym.environments.webarena.notes.together import together
from dreamgym.environments.webshop.notes import annotate as store_turns
from dreamgym.environments.webshop.notes import hindsight as store
from dreamgym.environments.webshop.notes.phrases import PHRASES as STORE_PHRASES
from dreamgym.environments.webshop.panels import is_generated
from dreamgym.models.dream_format import Answer
from dreamgym.models.sheet import AT, HAND, joined, make_sheet
from dreamgym.training.settings import ALFWORLD, TAUBENCH, WEBARENA, WEBSHOP

NO_SHEET = make_sheet({AT: "nowhere", HAND: "holds"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotator:
    """What trajectories show of the world they began in, and each of their turns with its true answer.

    ``together`` is what all trajectories of one task have shown. ``imagines``: what they have not shown can
    be made up, and is learned to be. ``phrases`` are the fixed stretches of its texts, where they are known
    and need not be found by counting; words ``apart`` are the same token with and without a space before.
    """

    hindsight: Callable[[Trajectory], Sheet]
    annotate: Callable[[Trajectory, Sheet], Iterator[AnnotatedTurn]]
    together: Callable[[Sequence[Sheet]], Sheet] = joined
    imagines: bool = True
    phrases: tuple[str, ...] | None = None
    apart: bool = False


def plainly(trajectory: Trajectory, sheet: Sheet) -> Iterator[AnnotatedTurn]:
    """The turns of a trace: no sheet and no reasoning, since nobody has written why the world answered so."""
    for number, turn in enumerate(trajectory.transitions):
        yield AnnotatedTurn(
            sheet=sheet,
            action=turn.action.text,
            quotes=(),
            answer=Answer(
                valid=turn.valid,
                next_state=turn.next_state,
                changes=(),
                reward=turn.reward,
                done=turn.terminated,
            ),
            turn=number,
        )


HOUSEHOLD = Annotator(hindsight=hindsight_sheet, annotate=annotate)
SHOP = Annotator(hindsight=shop.hindsight_sheet, annotate=shop_turns.annotate, phrases=SHOP_PHRASES)
SITE = Annotator(
    hindsight=site.hindsight_sheet,
    annotate=site_turns.annotate,
    together=together,
    imagines=False,
    phrases=SITE_PHRASES,
    apart=True,
)
STORE = Annotator(hindsight=store.hindsight_sheet, annotate=store_turns.annotate, phrases=STORE_PHRASES)
OWN_SITE = "site:"
PLAIN = Annotator(hindsight=lambda trajectory: NO_SHEET, annotate=plainly)


def annotator_of(task: Task) -> Annotator:
    """Who can annotate the trajectories of ``task``: its world's rules, elsewhere nobody but a teacher."""
    if task.environment == ALFWORLD:
        return HOUSEHOLD
    if task.environment == WEBARENA and task.id.startswith(OWN_SITE):
        return SITE
    if task.environment == WEBSHOP and is_generated(task.id):
        return STORE
    return SHOP if task.environment == TAUBENCH and task.id.startswith(f"{OWN_SHOP}:") else PLAIN


def hindsight_of(trajectory: Trajectory) -> Sheet:
    """What a trajectory has shown of the world it began in, as its world's rules read it."""
    return annotator_of(trajectory.task).hindsight(trajectory)
