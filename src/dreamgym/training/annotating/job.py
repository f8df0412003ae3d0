"""``dreamgym annotate`` from start to end, in as many parts as it takes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from dreamgym.core.config import LLMConfig
from dreamgym.core.data_structures import Trajectory
from dreamgym.core.errors import ConfigError, DreamGymError
from dreamgym.models.clients.llm_account import Account
from dreamgym.models.llm_client import LLMClient, make_client
from dreamgym.models.structured import strict_schema
from dreamgym.training.annotating.dataset import OfflineData, write_annotated
from dreamgym.training.annotating.estimate import Estimate
from dreamgym.training.annotating.journal import REJECTED, Identity, Journal, refuse_other
from dreamgym.training.annotating.plan import Annotation
from dreamgym.training.annotating.prompt import ASK, RULES
from dreamgym.training.annotating.teaching import Teaching
from dreamgym.training.llm_metrics import usage_text
from dreamgym.utils.progress import Reporter
from dreamgym.utils.run_sync import run_sync


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnotationJob:
    """What is annotated, by whom, and where it goes."""

    data: OfflineData
    teacher: str
    output: Path
    settings: LLMConfig
    reporter: Reporter

    def estimate(self) -> Iterator[str]:
        """What is still to be done would take about so much; nothing is asked and nothing is written."""
        refuse_other(self.output, self.identity())
        return self._estimated(Journal(self.output)).lines(self.teacher, self.settings)

    def identity(self) -> Identity:
        """What must be the same where an annotation is gone on with."""
        if self.output.absolute() == self.data.folder.absolute():
            raise ConfigError(
                f"--output {self.output} is the data itself: it is copied, choose another folder"
            )
        asked = json.dumps([RULES, ASK, strict_schema(Annotation)])
        return {
            "teacher": self.teacher,
            "llm.base_url": self.settings.base_url,
            "data": self.data.digest(),
            "prompt": hashlib.sha256(asked.encode()).hexdigest(),
        }

    def run(self, client: LLMClient | None = None) -> Counter[str]:
        """Annotate what is not annotated yet, then write the copy; the counts of its episodes.

        Raises:
            DreamGymError: it cannot begin, or it stopped; what was annotated is kept.
        """
        identity = self.identity()
        refuse_other(self.output, identity)
        account = Account(self.settings)
        teacher = client or make_client(self.teacher, self.settings, account=account)
        with contextlib.closing(Journal.begin(self.output, identity)) as journal:
            account.spend(journal.spent())
            self._teach(teacher, journal)
            with self.reporter.stage("writing the copy", journal.episodes) as advance:
                counts = write_annotated(self.data, journal, identity, advance)
            for line in self._told(counts, journal):
                self.reporter.line(line)
        return counts

    def _teach(self, teacher: LLMClient, journal: Journal) -> None:
        estimate = self._estimated(journal)
        for line in estimate.lines(self.teacher, self.settings):
            self.reporter.line(line)
        try:
            with self.reporter.stage("annotating episodes", estimate.episodes) as advance:
                teaching = Teaching(teacher, journal, self._to_do(journal), advance)
                run_sync(teaching.run(self.settings.concurrency), instead="Teaching.run")
        except (DreamGymError, KeyboardInterrupt):
            self.reporter.line(f"what is annotated is kept in {self.output}: the same command goes on")
            raise

    def _estimated(self, journal: Journal) -> Estimate:
        estimate = Estimate()
        for episode in self._to_do(journal):
            estimate = estimate.plus(episode)
        return estimate

    def _to_do(self, journal: Journal) -> Iterator[Trajectory]:
        return (episode for episode in self.data.episodes() if episode.id not in journal)

    def _told(self, counts: Counter[str], journal: Journal) -> Iterator[str]:
        """How it ended."""
        yield f"{counts['annotated']:,} of {counts['trajectories']:,} episodes are annotated"
        for kind, number in Counter(line.kind for line in journal.rejected.values()).most_common():
            yield f"{number:,} set aside: {kind}"
        if counts["rejected"]:
            yield f"why, one by one: {self.output / REJECTED}; the same command asks for them again"
        yield f"used in all: {usage_text(asdict(journal.spent()))}"
