"""The shared tables. PostgreSQL holds the truth; everything else can be rebuilt from here.

Times are stored with a zone, money as exact decimals, ids as text in byte order (the C
collation: as fast as integers, and the same order on every server).
"""

from rfm_common.models.access import ApiKey, AuditEntry, LoginLink, LoginSession, Scope
from rfm_common.models.base import MONEY_DIGITS, MONEY_SCALE, metadata
from rfm_common.models.cohorts import CohortCell, CohortState, CustomerCohort
from rfm_common.models.imports import (
    IS_HELD,
    LOADED,
    FileProfile,
    Import,
    ImportReject,
    ImportState,
    Kind,
    LakeRemoval,
    RowOutcome,
    Undo,
    UploadKey,
)
from rfm_common.models.privacy import Erasure, ErasureState, Suppression
from rfm_common.models.runs import (
    DataState,
    ModelState,
    ModelVersion,
    OutboxEvent,
    RunState,
    ScoringRun,
)
from rfm_common.models.services import ServiceBeat
from rfm_common.models.settings import StoredSetting
from rfm_common.models.shop import BEGINNING, Customer, CustomerEmail, ExchangeRate, Order
from rfm_common.models.snapshots import (
    CLUSTER_SCORE,
    Cause,
    CountrySummary,
    CustomerCluster,
    CustomerValue,
    QuietCustomer,
    RfmFeature,
    RunSample,
    SegmentCountry,
    SegmentFlow,
    SegmentStat,
    ValueJudgement,
)
from rfm_common.models.webhooks import (
    DeliveryState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookMessage,
    WebhookRun,
    WebhookTold,
)

__all__ = [
    "BEGINNING",
    "CLUSTER_SCORE",
    "IS_HELD",
    "LOADED",
    "MONEY_DIGITS",
    "MONEY_SCALE",
    "ApiKey",
    "AuditEntry",
    "Cause",
    "CohortCell",
    "CohortState",
    "CountrySummary",
    "Customer",
    "CustomerCluster",
    "CustomerCohort",
    "CustomerEmail",
    "CustomerValue",
    "DataState",
    "DeliveryState",
    "Erasure",
    "ErasureState",
    "ExchangeRate",
    "FileProfile",
    "Import",
    "ImportReject",
    "ImportState",
    "Kind",
    "LakeRemoval",
    "LoginLink",
    "LoginSession",
    "ModelState",
    "ModelVersion",
    "Order",
    "OutboxEvent",
    "QuietCustomer",
    "RfmFeature",
    "RowOutcome",
    "RunSample",
    "RunState",
    "Scope",
    "ScoringRun",
    "SegmentCountry",
    "SegmentFlow",
    "SegmentStat",
    "ServiceBeat",
    "StoredSetting",
    "Suppression",
    "Undo",
    "UploadKey",
    "ValueJudgement",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookMessage",
    "WebhookRun",
    "WebhookTold",
    "metadata",
]
