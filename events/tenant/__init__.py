"""A tenant's vocabulary: what runs say to it, what it answers, and the facts of its journal."""

from runfold.events.tenant.event import TenantEvent, TenantMeta, TenantStatus
from runfold.events.tenant.facts import (
    FACTS,
    AdmissionGranted,
    AdmissionQueued,
    AdmissionRefused,
    AdmissionReturned,
    BooksOpened,
    BudgetAlerted,
    QueueReviewed,
    TenantFact,
)
from runfold.events.tenant.messages import (
    AdmissionAnswered,
    AdmissionAsked,
    ParkedTenant,
    RunReturned,
    Verdict,
)
from runfold.events.tenant.values import Admission, Amount, Asks, Book, Share, Waiting

__all__ = [
    "FACTS",
    "Admission",
    "AdmissionAnswered",
    "AdmissionAsked",
    "AdmissionGranted",
    "AdmissionQueued",
    "AdmissionRefused",
    "AdmissionReturned",
    "Amount",
    "Asks",
    "Book",
    "BooksOpened",
    "BudgetAlerted",
    "ParkedTenant",
    "QueueReviewed",
    "RunReturned",
    "Share",
    "TenantEvent",
    "TenantFact",
    "TenantMeta",
    "TenantStatus",
    "Verdict",
    "Waiting",
]
