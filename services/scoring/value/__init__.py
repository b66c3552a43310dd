"""What a customer will be worth, and how far to trust it: pure, NumPy and SciPy.

    past = Purchases(frequency=..., recency=..., age=..., spend_count=..., spend_mean=...)
    model = fit_value(past)            # beyond SAMPLE customers: of a sample by hash of the id
    model.kind, model.why              # "mbgnbd", "bgnbd" or "rates", and one sentence
    ValueModel.stored(model.data())    # the same model, from a JSON column
    forecast(model, past, 0.1)         # arrays, one entry per customer, in the same order

Definitions are those of `Purchases` and `Forecast`. Times are days, money is base currency. A
forecast of a customer depends on the model and the customer's own figures alone, so a part of
the customers, `past.take(rows)`, gets bit for bit what all of them would.
"""

from scoring.value.fitting import SAMPLE, fit_value
from scoring.value.forecasting import HORIZONS, Forecast, forecast
from scoring.value.model import Kind, ValueModel
from scoring.value.purchases import Purchases

__all__ = [
    "HORIZONS", "SAMPLE", "Forecast", "Kind", "Purchases", "ValueModel", "fit_value", "forecast",
]  # fmt: skip
