"""Versions of the model."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from gateway.kit.schemas import Answer, Money, Share
from rfm_common.models import ModelState, RunState


class ModelRow(Answer):
    """One version; what it consists of never changes."""

    version: Annotated[int, Meta(description="From 1, in the order in which models were created")]
    state: ModelState
    in_force: Annotated[
        bool, Meta(description="It made the newest scores for its k, transform and rule")
    ]
    is_pinned: Annotated[bool, Meta(description="A person chose it: no run replaces it by itself")]
    k: Annotated[int, Meta(description="Number of clusters")]
    is_auto: Annotated[bool, Meta(description="k was chosen automatically (`k = auto`)")]
    transform: str
    rule: str
    is_automatic: Annotated[bool, Meta(description="Automatic runs use its k, transform and rule")]
    segments: Annotated[list[str], Meta(description="The name of each cluster")]
    reason: Annotated[str, Meta(description="Why it was created")]
    run_id: Annotated[int, Meta(description="The first run that had it")]
    created_at: datetime
    decided_by: Annotated[str | None, Meta(description="Who published, kept or refused it")]
    decided_at: datetime | None


class ModelList(Answer):
    """Every version, newest first."""

    models: list[ModelRow]


class ModelRun(Answer):
    """The run that proposes a model, or scores with the one that was published."""

    run_id: int
    status: RunState
    message: str


class ModelCluster(Answer):
    """A cluster as a run with the model found it; the centre is in real units."""

    cluster_id: int
    segment_name: str
    customers: int
    share: Share
    monetary: Money
    recency_days: float
    frequency: float
    mean_monetary: float


class Move(Answer):
    """Customers whom a proposal would put into another segment."""

    from_segment: str
    to_segment: str
    customers: int


class Proposal(Answer):
    """A new fit beside the model that was in force: the nearest centre in both, no margin."""

    model_version: Annotated[int, Meta(description="The model that it was compared with")]
    customers: Annotated[
        int,
        Meta(description="All customers in clusters, or a sample of more than a million"),
    ]
    moved: Annotated[int, Meta(description="How many of them would change segment")]
    moves: Annotated[list[Move], Meta(description="Most customers first")]


class ModelDetail(ModelRow):
    """A version in full: standardise with `mean` and `scale`, take the nearest centroid."""

    base_currency: str | None
    verdict: Annotated[str, Meta(description="Of the run whose clusters these are")]
    measured_by: Annotated[
        int, Meta(description="The newest run that scored with it, or the first run that had it")
    ]
    proposal: Annotated[Proposal | None, Meta(description="If it was created as a proposal")]
    clusters: list[ModelCluster]
    mean: list[float]
    scale: list[float]
    lambdas: list[float] | None
    centroids: Annotated[list[list[float]], Meta(description="Standardised R, F and M by cluster")]
