"""How the segments of a snapshot were made, in one line where they are shown."""

from dataclasses import dataclass
from typing import Self

from gateway.kit.schemas import Snapshot
from rfm_common.models import ScoringRun
from rfm_common.words import some

RULE = "coalesce(model->>'rule', CASE WHEN model ? 'centroids' THEN 'classic' END)"
"""SQL: the rule of a run's model. Models from before there was a choice do not name theirs."""
TRANSFORM = "model->>'transform'"
WORDS = {
    "promises": "each name is checked against its cluster's figures",
    "classic": "names by the eight classic rules on cluster centres",
}
"""What `RFM_SEGMENTS` may be, in words."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Rule, window, number of clusters and transform; None where nothing was clustered."""

    rule: str | None
    window_days: int
    k: int | None
    transform: str | None

    @classmethod
    def of_run(cls, run: ScoringRun) -> Self:
        """As the run's model has it."""
        rule = run.model.get("rule", "classic") if run.model.get("centroids") else None
        return cls(rule, run.window_days, run.k, run.model.get("transform"))

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """As the snapshot's run has it."""
        return cls(snapshot.rule, snapshot.window_days, snapshot.k, snapshot.transform)

    @property
    def words(self) -> str:
        """Such as `Rule promises: ... · window 365 days · k = 5 · transform log1p`."""
        parts = [f"Rule {self.rule}: {WORDS.get(self.rule, '')}"] if self.rule else []
        parts.append(f"window {some(self.window_days, 'day')}")
        parts += [f"k = {self.k}"] if self.k else []
        parts += [f"transform {self.transform}"] if self.transform else []
        return " · ".join(parts)
