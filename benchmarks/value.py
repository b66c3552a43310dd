"""Value to come against a plain script: the same customers, the same likelihood, how long.

    python -m benchmarks.value --customers 1000000 --orders 10000000

The script is what the usual tutorials and the package lifetimes do: the likelihood of each
customer, numeric gradients, one start, and expected orders by the hypergeometric function. Both
fit on the same sample; the script's figures are computed for `--share` of the customers, and its
time is that of all in proportion. With `--orders` the worker then does the whole of it in a
private PostgreSQL, after publication, and says how long each step took.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np
from benchmarks import scoring
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1
from sqlmodel import select

from rfm_common.bus import open_redis
from rfm_common.db import Sessions, open_sessions
from rfm_common.documents import StoredForecast
from rfm_common.models import ScoringRun
from rfm_common.schema import upgrade
from rfm_common.settings import Settings
from scoring.value import SAMPLE, Purchases, ValueModel, fit_value, forecast

Floats = NDArray[np.float64]
Result = TypeVar("Result")


def simulate(customers: int, seed: int = 1) -> Purchases:
    """An MBG/NBD shop three years old with some ten orders a customer, all days whole."""
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 1095, customers)
    rate = rng.gamma(0.8, 1 / 20.0, customers)
    chances = rng.geometric(np.clip(rng.beta(0.9, 12.0, customers), 1e-6, 1)) - 1
    stop = np.minimum(rng.gamma(np.maximum(chances, 1e-9)) / rate, age)
    frequency = np.minimum(rng.poisson(rate * stop), stop.astype(int))
    recency = np.where(frequency, np.ceil(stop * rng.beta(np.maximum(frequency, 1), 1)), 0)
    recency = np.minimum(np.maximum(recency, frequency), age)
    mean = 15 * 6 / rng.gamma(3.7, 1.0, customers)
    count = frequency + 1.0
    return Purchases(
        frequency=frequency.astype(float), recency=recency.astype(float), age=age.astype(float),
        spend_count=count, spend_mean=rng.gamma(6 * count, mean / (6 * count)),
    )  # fmt: skip


def script_fit(past: Purchases) -> tuple[Floats, Floats]:
    """MBG/NBD and gamma-gamma as in lifetimes."""
    x, last, age = past.frequency, past.recency, past.age

    def buying(logs: Floats) -> float:
        r, alpha, a, b = np.exp(logs)
        value = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        value += betaln(a, b + x + 1) - betaln(a, b) - (r + x) * np.log(alpha + age)
        odds = np.log(a / (b + x)) + (r + x) * np.log((alpha + age) / (alpha + last))
        return float(-(value + np.logaddexp(0, odds)).mean())

    n, mean = past.spend_count, past.spend_mean

    def spending(logs: Floats) -> float:
        p, q, v = np.exp(logs)
        value = gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(v)
        value += (p * n - 1) * np.log(mean) + p * n * np.log(n)
        return float(-(value - (p * n + q) * np.log(v + n * mean)).mean())

    habits = minimize(buying, np.log([0.5, 30.0, 1.0, 2.0]), method="L-BFGS-B").x
    amounts = minimize(spending, np.log([6.0, 4.0, 15.0]), method="L-BFGS-B").x
    return np.exp(habits), np.exp(amounts)


def script_figures(parameters: tuple[Floats, Floats], past: Purchases) -> list[Floats]:
    (r, alpha, a, b), (p, q, v) = parameters
    x, last, age = past.frequency, past.recency, past.age
    odds = a / (b + x) * ((alpha + age) / (alpha + last)) ** (r + x)
    spend = p * (v + past.spend_count * past.spend_mean) / (p * past.spend_count + q - 1)
    figures = []
    for days in (30.0, 90.0, 365.0):
        whole = alpha + age + days
        series = hyp2f1(r + x, b + x + 1, a + b + x, days / whole)
        rest = ((alpha + age) / whole) ** (r + x) * series
        orders = (a + b + x) / (a - 1) * (1 - rest) / (1 + odds)
        figures += [orders, orders * spend]
    return figures


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = perf_counter()
    return work(), perf_counter() - start


def show(what: str, ours: float, theirs: float, note: str) -> None:
    print(f"{what:10} {ours:6.2f} s   script {theirs:7.2f} s   {theirs / ours:5.1f} times   {note}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=0)
    parser.add_argument("--share", type=float, default=0.1)
    options = parser.parse_args()
    past = simulate(options.customers)
    sample = past.take(slice(SAMPLE))
    compare_fits(sample)
    model = fit_value(sample)
    compare_figures(model, past, round(options.customers * options.share))
    if options.orders:
        with tempfile.TemporaryDirectory(prefix="rfm-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with scoring.servers(folder) as settings:
                asyncio.run(measure_worker(settings, folder, options.orders, options.customers))


def compare_fits(sample: Purchases) -> None:
    model, ours = timed(lambda: fit_value(sample))
    parameters, theirs = timed(lambda: script_fit(sample))
    numbers = " ".join(f"{value:.3f}" for value in model.habits.parameters)
    script = " ".join(f"{value:.3f}" for value in parameters[0])
    show("fit", ours, theirs, f"{len(sample):,} customers; {model.kind} {numbers}; script {script}")


def compare_figures(model: ValueModel, past: Purchases, part: int) -> None:
    spending = model.spending
    parameters = np.array(model.habits.parameters), np.array([spending.p, spending.q, spending.v])
    made, ours = timed(lambda: forecast(model, past, 0.1))
    with np.errstate(all="ignore"):
        figures, theirs = timed(lambda: script_figures(parameters, past.take(slice(part))))
    gap = np.abs(figures[4] - made.expected_orders_365[:part])
    wrong = int((~(gap <= 1e-6 * made.expected_orders_365[:part])).sum())
    note = f"{len(past):,} customers; of {part:,} the script has {wrong:,} wrong in 6 digits"
    show("figures", ours, theirs * len(past) / part, note)


async def measure_worker(settings: Settings, folder: Path, orders: int, customers: int) -> None:
    """The skewed shop of `benchmarks.scoring`, scored and then forecast by a real worker."""
    await upgrade(settings)
    rng = np.random.default_rng(7)
    parts = (
        scoring.batch(rng, start, min(scoring.CHUNK, orders - start), customers)
        for start in range(0, orders, scoring.CHUNK)
    )
    async with open_sessions(settings, "bench") as sessions, open_redis(settings, "bench") as redis:
        await scoring.load(sessions, folder / "orders.csv", parts, customers)
        with scoring.worker():
            await scoring.scored(sessions, redis, 1)
            told = await forecast_of(sessions)
    steps = "   ".join(f"{name} {taken:.2f}" for name, taken in told["timings"].items())
    print(f"worker     {sum(told['timings'].values()):6.2f} s   {steps}   {orders:,} orders")


async def forecast_of(sessions: Sessions) -> StoredForecast:
    """Wait until the snapshot has its figures."""
    while True:
        async with sessions() as session:
            run = (await session.exec(select(ScoringRun))).one()
            if run.forecast:
                return run.forecast
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    main()
