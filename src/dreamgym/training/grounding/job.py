"""The grid from beginning to end: fit what is missing, measure what is missing, keep every result."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamgym.core.config import DreamGymConfig
from dreamgym.models.reasoning_model import Retriever
from dreamgym.training.grounding.fitting import fit_form
from dreamgym.training.grounding.grid import Cell, ModelForm, Retrieval, forms
from dreamgym.training.grounding.measuring import measure_cell
from dreamgym.training.grounding.records import Measured, Results
from dreamgym.training.grounds import Grounds, build_buffer, open_grounds
from dreamgym.training.models import experience_client
from dreamgym.utils.progress import Reporter

Retrievers = Mapping[Retrieval, Retriever | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is to be measured: ``cells`` with models of ``seeds``, each fitted for ``steps``."""

    cells: Sequence[Cell]
    seeds: Sequence[int]
    steps: int
    models: Path

    def folder(self, form: ModelForm, seed: int) -> Path:
        """Where a model is kept."""
        return self.models / f"{form.name}-{seed}"


def run_grid(config: DreamGymConfig, plan: Plan, output: Path, reporter: Reporter) -> Results:
    """The results, those of an earlier call in ``output`` among them; written after every cell."""
    results = Results.read(output, plan.steps)
    with open_grounds(config) as grounds, _retrievers(config, plan, grounds, reporter) as retrievers:
        for seed in plan.seeds:
            for form in forms(plan.cells):
                left = [c for c in plan.cells if c.form == form and not results.has(c, seed)]
                folder = plan.folder(form, seed)
                if left and not folder.exists():
                    reporter.line(f"fitting {folder}, {plan.steps} steps")
                    fit_form(form, grounds.offline, folder, steps=plan.steps, seed=seed)
                with reporter.stage(f"measuring {folder}", len(left)) as advance:
                    for cell in left:
                        measured = _measured(config, folder, cell, grounds, retrievers, seed)
                        results = results.plus(measured)
                        results.write(output)
                        advance()
    return results


@contextlib.contextmanager
def _retrievers(
    config: DreamGymConfig, plan: Plan, grounds: Grounds, reporter: Reporter
) -> Iterator[Retrievers]:
    """What each retrieval asks; an encoder that is not here is missed before hours of work."""
    with contextlib.ExitStack() as opened:
        found: dict[Retrieval, Retriever | None] = {Retrieval.OFF: None}
        for retrieval in sorted({cell.retrieval for cell in plan.cells} - {Retrieval.OFF}):
            reporter.line(f"encoding the offline turns: {retrieval}")
            settings = config.buffer.model_copy(update={"embedding": retrieval.value})
            buffer = build_buffer(config.model_copy(update={"buffer": settings}), grounds.domain, None)
            opened.enter_context(contextlib.closing(buffer))
            buffer.add_trajectories(grounds.offline)
            found[retrieval] = buffer
        yield found


def _measured(
    config: DreamGymConfig, folder: Path, cell: Cell, grounds: Grounds, retrievers: Retrievers, seed: int
) -> Measured:
    """One cell, by the model in ``folder``, opened afresh: nothing of another cell is in its caches."""
    read = {"name": str(folder), "device": config.reasoning_model.device}
    client = experience_client(cell.form.settings(top_k=0, history=None).model_copy(update=read))
    counts = asyncio.run(measure_cell(cell, client, retrievers[cell.retrieval], grounds, seed=seed))
    return Measured(cell=cell, seed=seed, counts=counts)
