"""What a customer will be worth, and how far to trust it: pure, NumPy and SciPy.

    past = Purchases(frequency=..., recency=..., age=..., spend_count=..., spend_mean=...)
    model = fit_value(past)            # beyond SAMPLE customers: of a sample by hash of the id
    model.kind, model.why              # "mbgnbd", "bgnbd" or "rates", and one sentence
    ValueModel.stored(model.data())    # the same model, from a JSON column
    forecast(model, past, 0.1)         # arrays, one entry per customer, in the same order

    then = fit_value(before)           # what was known at a cut, 90 days ago
    proof = judge(90, outlook(then, before, 90), Actual(orders=..., revenue=...), plain)
    proof.best, proof.sentences        # what to rank lists by, and what to say of it
    weekly(then, before, 13)           # orders expected in each week after the cut

Definitions are those of `Purchases` and `Forecast`. Times are days, money is base currency. A
forecast of a customer depends on the model and the customer's own figures alone, so a part of
the customers, `past.take(rows)`, gets bit for bit what all of them would.
"""

from scoring.value.fitting import FEWEST, SAMPLE, fit_value
from scoring.value.forecasting import HORIZONS, SOON, Forecast, Outlook, forecast, outlook
from scoring.value.model import Kind, ValueModel
from scoring.value.purchases import Purchases
from scoring.value.spread import revenue_range
from scoring.value.trust import NAMES, Actual, Group, Plain, Ranking, Trust, judge, weekly

__all__ = [
    "FEWEST", "HORIZONS", "NAMES", "SAMPLE", "SOON", "Actual", "Forecast", "Group", "Kind",
    "Outlook", "Plain", "Purchases", "Ranking", "Trust", "ValueModel", "fit_value", "forecast",
    "judge", "outlook", "revenue_range", "weekly",
]  # fmt: skip
