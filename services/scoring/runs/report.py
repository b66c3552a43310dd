"""What a run found, as its row in `scoring_runs` tells it. Pure."""

from typing import Any

from rfm_common.documents import ClusterMetrics, Measured, Metrics, Notice, Summary
from rfm_common.explain import ScoringDefinition
from rfm_common.words import some
from scoring.model import LARGEST, Fault, Model, Quality, Shift, fault, verdict
from scoring.runs.plan import Plan
from scoring.runs.publish import RunColumns
from scoring.runs.result import Fitted, RunResult
from scoring.snapshot.features import Edges, Spec, stored_edges
from scoring.snapshot.quiet import slipping

FEW_CUSTOMERS = 10
Json = dict[str, Any]


def row(found: RunResult, parameters: Json) -> RunColumns:
    """The values of the run's columns."""
    spec, fitted = found.plan.spec, found.fitted
    k = fitted.model.k if fitted else 0
    before = found.plan.previous
    return {
        "calc_date": spec.calc_date, "window_days": spec.window_days, "k": k,
        "base_currency": spec.base_currency or None, "data_version": found.plan.data_version,
        "customers_processed": found.totals.customers, "clusters_created": k,
        "previous_run_id": before.run_id if before else None,
        "edges": stored_edges(found.edges),
        "model": fitted.model.data() if fitted else {},
        "metrics": metrics(found, parameters) if fitted else {},
        "summary": summary(found),
        "sweep": [candidate.data() for candidate in fitted.sweep] if fitted else [],
        "warnings": warnings(found, parameters),
        "message": message(found),
    }  # fmt: skip


def definition(plan: Plan, edges: Edges, model: Model) -> ScoringDefinition:
    """What this run measures with, as it will be stored."""
    return ScoringDefinition(
        calc_date=plan.spec.calc_date, window_days=plan.spec.window_days,
        base_currency=plan.spec.base_currency or None, edges=stored_edges(edges),
        model=model.data(), measured=measured(plan.spec),
    )  # fmt: skip


def metrics(found: RunResult, parameters: Json) -> Metrics:
    """The quality of the clusters, each cluster's own, and who moved."""
    if found.fitted is None:
        return {}
    quality, model, asked = found.fitted.quality, found.fitted.model, parameters["k"]
    wanted = None if model.frozen or asked == "auto" else int(asked)
    untrue = None if model.rule == "classic" else found.fitted.untrue
    return {
        "inertia": quality.inertia, "silhouette": quality.silhouette,
        "calinski_harabasz": quality.calinski_harabasz,
        "davies_bouldin": quality.davies_bouldin,
        "verdict": verdict(quality, clustered(found), wanted, untrue),
        "untrue": found.fitted.untrue, "reason": model.reason, "offer": model.offer,
        "rule": model.rule,
        "clusters": _clusters(found, model, quality),
        "moved": found.flows.summary(),
        **_proposal(found.plan, found.fitted.shift),
        **_held(found.plan, found.fitted),
    }  # fmt: skip


def _proposal(plan: Plan, shift: Shift | None) -> Metrics:
    if shift is None:
        return {}
    version = plan.start.model_version if plan.start else None
    return {"proposal": {"model_version": version, "customers": shift.customers,
                         "moved": shift.moved, "moves": shift.moves}}  # fmt: skip


def _held(plan: Plan, fitted: Fitted) -> Metrics:
    """The snapshot that customers near a border depend on, which another may replace later."""
    if plan.previous is None or plan.previous.run_id is None or fitted.held is None:
        return {}
    return {"held": {"run_id": plan.previous.run_id, "customers": fitted.held}}


def clustered(found: RunResult) -> int:
    """How many customers the clusters hold."""
    is_classic = found.fitted is None or found.fitted.model.rule == "classic"
    return found.totals.customers if is_classic else found.totals.active_customers


def _clusters(found: RunResult, model: Model, quality: Quality) -> list[ClusterMetrics]:
    points = [dict(zip("rfm", point, strict=True)) for point in model.centroids.tolist()]
    return [
        {
            "cluster_id": stat["cluster_id"], "segment_name": stat["segment_name"],
            "customers": stat["customer_count"], "share": stat["customer_share"],
            "monetary": str(stat["monetary"]), "silhouette": silhouette,
            "stability": stability, "centroid": centre, "standardised": point,
        }
        for stat, silhouette, stability, centre, point in zip(
            found.aggregates.stats[: model.k], quality.silhouettes, quality.stabilities,
            model.centres(), points, strict=True,
        )
    ]  # fmt: skip


def summary(found: RunResult) -> Summary:
    """Totals that every page shows."""
    totals, spec = found.totals, found.plan.spec
    return {
        "customers": totals.customers, "active_customers": totals.active_customers,
        "orders": totals.orders, "monetary": str(totals.monetary),
        "median_recency_days": found.aggregates.median_recency_days,
        "orders_left_out": totals.left_out,
        "base_currency": spec.base_currency or None,
        "grid": found.aggregates.grid,
        "currencies": found.plan.currencies, "definition": spec.fingerprint(),
        "measured": measured(spec), "slipping": slipping(found.quiet),
    }  # fmt: skip


def measured(spec: Spec) -> Measured:
    """What else the figures depend on, as the run's summary keeps it."""
    return {"counted_statuses": list(spec.statuses), "timezone": spec.zone, "as_of": spec.as_of}


def message(found: RunResult) -> str:
    """One sentence for whoever waits for the run."""
    if not found.fitted:
        return "There are no customers yet."
    filled = [one for one in found.aggregates.stats if one["customer_count"]]
    segments = len({one["segment_name"] for one in filled})
    return f"{some(found.totals.customers, 'customer')} in {some(segments, 'segment')}."


def warnings(found: RunResult, parameters: Json) -> list[Notice]:
    """What a reader should know before trusting the numbers."""
    checks = (
        _no_customers(found), _no_orders(found), _fell_back(found), _left_out(found),
        *(_of_model(found, found.fitted, parameters) if found.fitted else ()),
    )  # fmt: skip
    return [{"code": check[0], "message": check[1]} for check in checks if check]


Warned = tuple[str, str] | None


def _no_customers(found: RunResult) -> Warned:
    if found.totals.customers:
        return None
    return "no_customers", "There are no customers yet; drop a file of customers or orders."


def _no_orders(found: RunResult) -> Warned:
    if found.totals.active_customers or not found.totals.customers:
        return None
    days = some(found.plan.spec.window_days, "day")
    return (
        "no_orders",
        f"No customer has a counted order in the {days} before the calculation date.",
    )


def _fell_back(found: RunResult) -> Warned:
    if not found.plan.fell_back:
        return None
    spec = found.plan.spec
    return "calc_date_fallback", (
        f"No counted order in the last {some(spec.window_days, 'day')};"
        f" the snapshot is as of the newest one, {spec.calc_date:%Y-%m-%d %H:%M %Z}."
    )


def _left_out(found: RunResult) -> Warned:
    count, base = found.totals.left_out, found.plan.spec.base_currency
    if not count:
        return None
    return "orders_left_out", (
        f"Monetary leaves out {some(count, 'order')} without an exchange rate to {base}."
    )


def _of_model(found: RunResult, fitted: Fitted, parameters: Json) -> tuple[Warned, ...]:
    return (
        _fewer(fitted, parameters), _tamed(fitted, parameters), _giant(fitted),
        _poor_choice(fitted), _few(found, fitted), _untrue(found, fitted),
    )  # fmt: skip


def _fewer(fitted: Fitted, parameters: Json) -> Warned:
    asked, got = parameters["k"], fitted.model.k
    if fitted.model.frozen or asked in ("auto", got):
        return None
    return "k_reduced", f"Too few different customers for {some(asked, 'cluster')}; showing {got}."


def _tamed(fitted: Fitted, parameters: Json) -> Warned:
    asked, taken = parameters["transform"], fitted.model.space.transform
    if fitted.model.frozen or asked == taken:
        return None
    return "transform_replaced", (
        f"With the transform {asked} no number of clusters keeps them all between 2% and 60% of"
        f" the customers; {taken} was used instead."
    )


def _giant(fitted: Fitted) -> Warned:
    share = max(fitted.quality.shares, default=0)
    if fitted.model.k < 2 or share <= LARGEST:
        return None
    return "giant_cluster", f"One cluster holds {share:.0%} of the buyers."


def _poor_choice(fitted: Fitted) -> Warned:
    quality = fitted.quality
    if not fitted.sweep or fault(quality.shares, quality.stabilities) is Fault.NONE:
        return None
    return "no_good_k", "No number of clusters fits well; treat these segments as rough."


def _few(found: RunResult, fitted: Fitted) -> Warned:
    count, k = clustered(found), fitted.model.k
    if count >= FEW_CUSTOMERS * k:
        return None
    return "few_customers", (
        f"Only {some(count, 'customer')} to cluster;"
        f" segments mean little with fewer than {FEW_CUSTOMERS * k}."
    )


def _untrue(found: RunResult, fitted: Fitted) -> Warned:
    if not fitted.untrue or clustered(found) < FEW_CUSTOMERS * fitted.model.k:
        return None
    return "untrue_name", f"A segment's name does not fit: {fitted.untrue[0]}."
