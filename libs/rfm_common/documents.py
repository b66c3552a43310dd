"""The JSON documents of a run: what scoring writes to its row and pages read from it.

They are plain dictionaries at run time, as the columns hold them. Money is text with exact digits.
A run that has not finished has empty documents, and so has one that found no customers; that is
why keys of the outermost level may be missing.
"""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from rfm_common.settings import Rule, Transform


class Cell(TypedDict):
    """Customers of one recency score and one rounded mean of the other two scores."""

    r_score: int
    fm_score: int
    customers: int
    monetary: str


class CountrySums(TypedDict, total=False):
    """The part of a summary that is counted by customer: `country_summaries.summary`."""

    customers: int
    active_customers: int
    orders: int
    monetary: str
    median_recency_days: float | None
    """Of customers with an order."""
    grid: list[Cell]


class Measured(TypedDict, total=False):
    """What else the definition of R, F and M depends on."""

    counted_statuses: list[str]
    timezone: str
    as_of: bool


class Slipping(TypedDict):
    """Customers of value who are going quiet, and what they spent before they did."""

    customers: int
    monetary: str


class Replaced(TypedDict):
    """A snapshot of the same date that was measured by something else."""

    run_id: int
    window_days: int
    k: int
    rule: str | None
    message: str
    """One sentence: what both were measured by."""


class Summary(CountrySums, total=False):
    """`summary`: totals that every page shows."""

    orders_left_out: int
    """They have no exchange rate."""
    base_currency: str | None
    currencies: dict[str, int]
    """How many orders name which currency."""
    definition: str
    """Equal for equal definitions of R, F and M."""
    measured: Measured
    slipping: Slipping
    replaced: Replaced
    """Where the run replaced one."""
    deleted_by: str
    """Who deleted the snapshot, as the audit log has it."""


class ClusterMetrics(TypedDict):
    """One cluster's size and quality."""

    cluster_id: int
    segment_name: str
    customers: int
    share: float
    monetary: str
    silhouette: float | None
    stability: float | None
    centroid: dict[str, float]
    """In real units, by recency_days, frequency and monetary."""
    standardised: dict[str, float]
    """In standard deviations, by r, f and m."""


class Quiet(TypedDict):
    """Customers of both snapshots without a new order, and how many moved for which cause."""

    customers: int
    ageing: int
    model: int


class Moved(TypedDict):
    """Who changed segment since the snapshot before."""

    total: int
    without_new_order: int
    quiet: Quiet
    by_cause: dict[str, int]


class Move(TypedDict):
    """Customers whom another model would put into another segment."""

    from_segment: str
    to_segment: str
    customers: int


class Proposal(TypedDict):
    """A new fit beside the model in force, on the same customers."""

    model_version: int | None
    """The model in force."""
    customers: int
    """Compared: all in clusters, or of more than a million a sample."""
    moved: int
    moves: list[Move]


class Held(TypedDict):
    """Customers who stay in their segment of an earlier snapshot although past its border."""

    run_id: int
    """Of that snapshot."""
    customers: int
    """0 also where a name would have become untrue."""


class Metrics(TypedDict, total=False):
    """`metrics`: the quality of the clusters, each cluster's own, and who moved."""

    inertia: float
    silhouette: float | None
    calinski_harabasz: float | None
    davies_bouldin: float | None
    verdict: str
    untrue: list[str]
    """A sentence for each name that the figures contradict."""
    reason: str
    """Why the model is another one than before, or the same."""
    proposal: Proposal
    """Where the run was asked for one."""
    offer: str
    """Why another model would have come, had no person chosen this one; empty otherwise."""
    rule: Rule
    clusters: list[ClusterMetrics]
    moved: Moved
    held: Held
    """Where the run has the model of the snapshot before it."""


class SpaceConstants(TypedDict):
    """Constants that turn R, F and M into standard deviations."""

    transform: Transform
    mean: list[float]
    scale: list[float]
    lambdas: list[float] | None


class Centroids(SpaceConstants):
    """Where the clusters are, in standard deviations, and what they are called."""

    centroids: list[list[float]]
    names: list[str]
    rule: NotRequired[Rule]
    """`classic` where it is missing: rows of before there was another."""
    fresh_days: NotRequired[int]
    """How recently somebody who bought once must have bought to be told apart as new."""


class StartModel(Centroids):
    """The model that a fit began from."""

    run_id: int


class StoredModel(Centroids, total=False):
    """`model`: all that is needed to assign a customer; floats survive JSON to the last bit."""

    seed: int
    versions: dict[str, str]
    model_changed: bool
    reason: str
    cause: str
    """What the reason is about, the same on other days; with the share of inertia that it saves."""
    gain: float
    frozen: bool
    start: StartModel | None
    fitted_on: int
    fitted_by: int | None
    """The earlier run of the day whose fit it is."""
    margin: float
    """How far past a border a customer of the snapshot before stays, in standard deviations."""


class ValueSums(TypedDict):
    """What customers together are expected to buy; `customers` of them ever bought."""

    customers: int
    expected_orders_90: float
    expected_revenue_90: str
    expected_revenue_365: str
    expected_loss_90: str


class ClusterValues(ValueSums):
    """The same of one cluster."""

    cluster_id: int


Timings = dict[str, float]
"""`timings`: seconds by step."""


class StoredForecast(TypedDict, total=False):
    """`forecast`: the model of `customer_values`, why it is this one, and the sums."""

    version: int
    """Of the model; it goes up with each that replaces another."""
    model: dict[str, Any]
    """`scoring.value.ValueModel.data`."""
    as_of: str
    """The calc_date of the run that fitted it."""
    measured: list[Any]
    """What else it depends on: currency, time zone and counted statuses."""
    reason: str
    """Why it is another model than before, or the same."""
    discount: float
    data_version: int
    totals: ValueSums
    clusters: list[ClusterValues]
    timings: Timings


class JudgedOn(TypedDict):
    """What a judgement depends on: it is made again when these are others, or the sums differ."""

    day: str
    """Of the snapshot, by the shop's calendar."""
    version: int
    """Of the value model in force."""
    window_days: int
    totals: ValueSums


class Judgement(TypedDict):
    """What was expected at a cut beside what came; without a past there is no `trust`."""

    known_until: str
    """The last day that was known, by the shop's calendar."""
    came_until: str
    first_day: str | None
    """The first purchase day of anybody in the snapshot."""
    model: dict[str, Any] | None
    """`scoring.value.ValueModel.data` of the model that was fitted on what was known."""
    trust: dict[str, Any] | None
    """`scoring.value.Trust.data`."""
    weeks: list[tuple[float, float]]
    """Orders expected, and orders that came, in each whole week."""


class Candidate(TypedDict):
    """An entry of `sweep`: one number of clusters that was tried."""

    k: int
    inertia: float
    silhouette: float | None
    largest_share: float
    smallest_share: float
    stability: float | None
    accepted: bool
    refusal: str | None


class Notice(TypedDict):
    """An entry of `warnings`."""

    code: str
    message: str


class Step(TypedDict, total=False):
    """`progress`: the step that a run is in; empty before the first and after the last."""

    step: str
    step_number: int
    steps: int
    percent: float
    seconds_left: float | None


Edges = dict[str, list[float | str]]
"""`edges`: the four edges between scores by figure; those of money are text."""
