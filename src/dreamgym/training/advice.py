"""What somebody would say who looked over a configuration: it can run, and would be regretted."""

from __future__ import annotations

from collections.abc import Iterator

from dreamgym.core.config import DreamGymConfig
from dreamgym.training.memory import rank_of, shape_of
from dreamgym.training.models import model_name

LARGE = 10_000_000  # parameters; the default rate is that of models from scratch, of a tenth of this
USUAL_WHOLE, USUAL_ADAPTER = 1e-5, 2e-4  # learning rates at which a pretrained model still is one afterwards


def advice(config: DreamGymConfig) -> Iterator[str]:
    """One line per doubt."""
    name = model_name(config.policy_model.name, "policy")
    shape = shape_of(name)
    if shape is None or shape.parameters <= LARGE:
        return
    is_whole = rank_of(name, config) == 0
    usual = USUAL_WHOLE if is_whole else USUAL_ADAPTER
    if config.rl.learning_rate > usual:
        what = "every weight" if is_whole else "an adapter"
        yield (
            f"rl.learning_rate is {config.rl.learning_rate:g}, and {what} of a pretrained model of "
            f"{shape.parameters / 1e6:,.0f}M parameters is trained: {usual:g} or less is usual"
        )
