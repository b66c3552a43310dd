"""A fitted value model: all that is needed to compute a customer's figures, now or years later."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from scoring.value.buying import Habits
from scoring.value.spending import Spending

Kind = Literal["mbgnbd", "bgnbd", "rates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueModel:
    """How a shop's customers buy and spend, and why this model was chosen."""

    kind: Kind
    habits: Habits
    spending: Spending
    log_likelihood: float
    """Of the buying, on the customers that it was fitted on."""
    fitted_on: int
    """Customers."""
    returned: int
    """Those of them who came back."""
    why: str
    """One sentence: which model, and why."""

    def data(self) -> dict[str, Any]:
        """A document for a JSON column; floats survive JSON to the last bit."""
        return asdict(self)

    @classmethod
    def stored(cls, data: dict[str, Any]) -> Self:
        """Read such a document."""
        rest = {key: value for key, value in data.items() if key not in {"habits", "spending"}}
        return cls(habits=Habits(**data["habits"]), spending=Spending(**data["spending"]), **rest)
