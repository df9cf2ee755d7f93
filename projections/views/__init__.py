"""Every view, by name."""

from runfold.projections.view import View
from runfold.projections.views import (
    approvals,
    audit,
    call_checkpoints,
    checkpoints,
    costs,
    dead_letters,
    definitions,
    model_calls,
    policy_decisions,
    requests,
    runs,
    tenants,
    timeline,
    tool_invocations,
)

VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        runs.VIEW,
        timeline.VIEW,
        requests.VIEW,
        checkpoints.VIEW,
        call_checkpoints.VIEW,
        tool_invocations.VIEW,
        model_calls.VIEW,
        approvals.VIEW,
        costs.VIEW,
        audit.VIEW,
        policy_decisions.VIEW,
        definitions.VIEW,
        dead_letters.VIEW,
        tenants.VIEW,
    )
}
"""The views in the order in which they are written."""
