"""The exports of common shops and services, told by their headers."""

from dataclasses import dataclass, field

from rfm_common.models import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """How one program's file maps to our columns. Header names are normalised (see `mapping`)."""

    name: str
    kind: Kind
    headers: frozenset[str]
    """All of these must be there for the file to be taken for this export."""
    columns: dict[str, tuple[str, ...]]
    """Our column: the header that holds it, the first that is there."""
    quantity_times_price: tuple[str, str] | None = None
    constants: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    """Its word for a state (lower case): ours. Other words stay as they are."""
    line_items: bool = False
    """Several rows make one order: amounts are added, the first row that says it tells the rest."""


EXPORTS = (
    Export(
        name="Shopify orders", kind=Kind.ORDERS, line_items=True,
        headers=frozenset({"name", "email", "financial_status", "created_at", "total"}),
        columns={"order_id": ("name",), "customer_id": ("email",), "order_date": ("created_at",),
                 "order_amount": ("total",), "currency": ("currency",),
                 "status": ("financial_status",)},
        statuses={"paid": "completed", "partially_refunded": "completed"},
    ),
    Export(
        name="Shopify customers", kind=Kind.CUSTOMERS,
        headers=frozenset({"first_name", "last_name", "email", "total_spent", "total_orders"}),
        columns={"customer_id": ("email",), "email": ("email",),
                 "country": ("default_address_country_code", "country_code", "country")},
    ),
    Export(
        name="WooCommerce orders", kind=Kind.ORDERS,
        headers=frozenset({"order_id", "order_date", "order_total", "billing_email"}),
        columns={"order_id": ("order_number", "order_id"), "customer_id": ("billing_email",),
                 "order_date": ("order_date",), "order_amount": ("order_total",),
                 "currency": ("order_currency", "currency"), "status": ("status", "order_status")},
        statuses={"wc-completed": "completed"},
    ),
    Export(
        name="Stripe payments", kind=Kind.ORDERS,
        headers=frozenset({"id", "amount", "currency", "status", "customer_id", "captured"}),
        columns={"order_id": ("id",), "customer_id": ("customer_id",),
                 "order_date": ("created_date_(utc)", "created_(utc)", "created"),
                 "order_amount": ("amount",), "currency": ("currency",), "status": ("status",)},
        statuses={"paid": "completed", "succeeded": "completed"},
    ),
    Export(
        name="Magento orders", kind=Kind.ORDERS,
        headers=frozenset({"id", "purchase_date", "grand_total_(purchased)", "customer_email"}),
        columns={"order_id": ("id",), "customer_id": ("customer_email",),
                 "order_date": ("purchase_date",), "order_amount": ("grand_total_(purchased)",),
                 "status": ("status",)},
        statuses={"complete": "completed"},
    ),
    Export(
        name="Magento customers", kind=Kind.CUSTOMERS,
        headers=frozenset({"id", "name", "email", "group", "customer_since"}),
        columns={"customer_id": ("email",), "email": ("email",), "country": ("country",),
                 "created_at": ("customer_since",)},
    ),
    Export(
        name="UCI Online Retail", kind=Kind.ORDERS, line_items=True,
        headers=frozenset({"invoiceno", "stockcode", "quantity", "invoicedate", "unitprice",
                           "customerid"}),
        columns={"order_id": ("invoiceno",), "customer_id": ("customerid",),
                 "order_date": ("invoicedate",)},
        quantity_times_price=("quantity", "unitprice"), constants={"currency": "GBP"},
    ),
    Export(
        name="UCI Online Retail II", kind=Kind.ORDERS, line_items=True,
        headers=frozenset({"invoice", "stockcode", "quantity", "invoicedate", "price",
                           "customer_id"}),
        columns={"order_id": ("invoice",), "customer_id": ("customer_id",),
                 "order_date": ("invoicedate",)},
        quantity_times_price=("quantity", "price"), constants={"currency": "GBP"},
    ),
    Export(  # item-price is the price of the whole line, not of one piece
        name="Amazon order reports", kind=Kind.ORDERS, line_items=True,
        headers=frozenset({"order_id", "order_item_id", "purchase_date", "buyer_email",
                           "item_price"}),
        columns={"order_id": ("order_id",), "customer_id": ("buyer_email",),
                 "order_date": ("purchase_date",), "order_amount": ("item_price",),
                 "currency": ("currency",)},
    ),
    Export(  # customer_id is new with each order; customer_unique_id is the person
        name="Olist", kind=Kind.ORDERS,
        headers=frozenset({"order_id", "customer_unique_id", "order_purchase_timestamp",
                           "payment_value"}),
        columns={"order_id": ("order_id",), "customer_id": ("customer_unique_id",),
                 "order_date": ("order_purchase_timestamp",),
                 "order_amount": ("payment_value",), "status": ("order_status",)},
    ),
)  # fmt: skip
