"""What all customers of a snapshot together are expected to buy, or why nobody can say. Pure."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from msgspec import Meta

from gateway.kit.schemas import Answer, Money
from rfm_common.documents import StoredForecast

State = Literal["ready", "computing", "impossible"]
COMPUTING = "Computed a few seconds after each run; it appears here by itself."
NOBODY = "No customer has an order that counts yet, so there is nothing to expect."


class Expected(Answer):
    """What the customers of a snapshot are expected to buy in the 90 days after it.

    New customers of these days are not in it.
    """

    state: Annotated[
        State, Meta(description="`computing`: for some seconds after a run; the rest is null")
    ]
    message: Annotated[str, Meta(description="Which model says so, or why there are no figures")]
    model_version: Annotated[
        int | None, Meta(description="Only figures of the same version are comparable")
    ] = None
    is_rough: Annotated[
        bool, Meta(description="Too few customers came back to learn this shop's own habits")
    ] = False
    expected_orders_90: Annotated[
        float | None, Meta(description="A day with several orders of a customer counts as one")
    ] = None
    expected_revenue_90: Money | None = None

    @classmethod
    def of(cls, forecast: StoredForecast) -> Self:
        """From what a run stores of its figures; empty until they are computed."""
        if "totals" not in forecast:
            return cls(state="computing", message=COMPUTING)
        totals, model = forecast["totals"], forecast["model"]
        if not totals["customers"]:
            return cls(state="impossible", message=NOBODY)
        return cls(
            state="ready", message=model["why"], model_version=forecast["version"],
            is_rough=model["kind"] == "rates", expected_orders_90=totals["expected_orders_90"],
            expected_revenue_90=Decimal(totals["expected_revenue_90"]),
        )  # fmt: skip
