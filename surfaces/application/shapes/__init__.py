"""The public shapes: what every surface shows, declared once.

They are a contract: a field is never renamed or removed without a new ``SHAPE``, and a test holds
the schemas as they were released. Amounts are US dollars: exact decimals here, JSON numbers with
every digit outward, None where there were calls and no price of any is known: never 0 then. Moments
are in UTC.
"""

from runfold.surfaces.application.shapes.access import (
    AccessReview,
    AgentAccess,
    RuleAccess,
    StartAccess,
    SwitchAccess,
    ToolAccess,
    ToolTerms,
)
from runfold.surfaces.application.shapes.base import SHAPE, Json, Shape, Share, Usd
from runfold.surfaces.application.shapes.costs import (
    Budget,
    CostDifference,
    CostProof,
    CostSum,
    CostTotal,
    Repriced,
    Repricing,
)
from runfold.surfaces.application.shapes.definitions import Change, DefinitionDetail, DefinitionRow
from runfold.surfaces.application.shapes.operations import (
    Alert,
    AuditFault,
    AuditReport,
    DeadLetter,
    DeadLetterDetail,
    DeadLetterHeader,
    ReadOnRecord,
)
from runfold.surfaces.application.shapes.policies import (
    Grant,
    PolicyAnswer,
    PolicyChange,
    PolicyExplanation,
    PolicySimulation,
    PolicyTestResult,
)
from runfold.surfaces.application.shapes.runs import (
    Actor,
    Approval,
    Call,
    Completion,
    CompletionUsage,
    ControlOutcome,
    Event,
    Message,
    PlanStep,
    RunDetail,
    RunState,
    RunSummary,
    Used,
    Wait,
)
from runfold.surfaces.application.shapes.tenants import (
    TenantBudget,
    TenantBudgetRow,
    TenantContents,
    TenantDetail,
    TenantRow,
    TenantRun,
)

__all__ = [
    "SHAPE",
    "AccessReview",
    "Actor",
    "AgentAccess",
    "Alert",
    "Approval",
    "AuditFault",
    "AuditReport",
    "Budget",
    "Call",
    "Change",
    "Completion",
    "CompletionUsage",
    "ControlOutcome",
    "CostDifference",
    "CostProof",
    "CostSum",
    "CostTotal",
    "DeadLetter",
    "DeadLetterDetail",
    "DeadLetterHeader",
    "DefinitionDetail",
    "DefinitionRow",
    "Event",
    "Grant",
    "Json",
    "Message",
    "PlanStep",
    "PolicyAnswer",
    "PolicyChange",
    "PolicyExplanation",
    "PolicySimulation",
    "PolicyTestResult",
    "ReadOnRecord",
    "Repriced",
    "Repricing",
    "RuleAccess",
    "RunDetail",
    "RunState",
    "RunSummary",
    "Shape",
    "Share",
    "StartAccess",
    "SwitchAccess",
    "TenantBudget",
    "TenantBudgetRow",
    "TenantContents",
    "TenantDetail",
    "TenantRow",
    "TenantRun",
    "ToolAccess",
    "ToolTerms",
    "Usd",
    "Used",
    "Wait",
]
