"""Mistakes about permits, approvals, switches and extensions, and the trouble that shows them."""

from __future__ import annotations

from tests.system.torture.mutation.mutant import Edit, Mutant
from tests.system.torture.worlds import RULED_SHORT

_APPROVING = "processors/run/agent/tools/approving.py"
_BEGINNINGS = "processors/run/agent/calls/beginnings.py"
_CONTROLS = "processors/run/lifecycle/controls.py"
_DECIDING = "processors/run/approvals/deciding.py"
_FOLD = "processors/run/fold/approvals.py"
_NEXT = "processors/run/agent/next_step.py"
_TAKING_OVER = "processors/run/people/taking_over.py"
_TENANT = "processors/tenant/extending.py"

_UNLESS_APPROVED = (
    "    if (reason := withdrawn_tool(draft, call.tool)) and call.approval != 'approved':\n"
)


def _mutant(name: str, *edits: Edit) -> Mutant:
    return Mutant(name, RULED_SHORT, edits)


OF_GOVERNED = (
    _mutant(
        "what a person approved is not judged again",
        Edit(
            _APPROVING,
            "    if policies_of(draft) is None or judged_now(draft, call.call_id):\n",
            "    if policies_of(draft) is None or call.approval == 'approved':\n",
        ),
    ),
    _mutant(
        "a pool's question does not look at other policies",
        Edit(
            _BEGINNINGS,
            "        if changed_since(draft, call):\n            return still_permitted",
            "        if changed_since(draft, call) and not call.pooled:\n"
            "            return still_permitted",
        ),
    ),
    _mutant(
        "a permit is given and not put on record",
        Edit(
            _APPROVING,
            "    draft.say(decision)\n    if refusal is not None:\n",
            "    if refusal is not None:\n",
        ),
    ),
    _mutant(
        "a switch is ignored for calls that a person approved",
        Edit(
            "processors/run/agent/tools/tool_calls.py",
            "    if reason := withdrawn_tool(draft, call.tool):\n",
            _UNLESS_APPROVED,
        ),
        Edit(
            _BEGINNINGS,
            "        if reason := withdrawn_tool(draft, call.tool):\n",
            f"    {_UNLESS_APPROVED}",
        ),
    ),
    _mutant(
        "a model is called though it is stopped",
        Edit(
            "processors/run/policy/withdrawn.py",
            '(stopped := _stopped(draft, "tenant", "agent", "model"))',
            '(stopped := _stopped(draft, "tenant", "agent"))',
        ),
    ),
    _mutant(
        "an approval that holds for more is never spent",
        Edit(_FOLD, "changed(each, left=each.left - 1)", "changed(each, left=each.left)"),
    ),
    _mutant(
        "one person approves twice",
        Edit(
            _DECIDING,
            "    if (before := behalf.same(draft, person, given)) is not None:\n",
            "    if (before := behalf.same(draft, person, ())) is not None:\n",
        ),
    ),
    _mutant(
        "one approval is enough",
        Edit(
            _DECIDING,
            "    if len(given) + 1 < call.consent.terms.approvers:\n",
            "    if len(given) + 1 < 1:\n",
        ),
    ),
    _mutant(
        "an approval of what was shown before is taken",
        Edit(
            _DECIDING,
            "    if digest is None or shown is None or digest == shown:\n",
            "    if digest is None or shown is None or digest:\n",
        ),
    ),
    _mutant(
        "a stale approval leaves nothing on record",
        Edit(
            _CONTROLS,
            "            ignore(draft, control, refusal.reason, refusal.code)\n        return\n"
            "    if control.arguments",
            "            if refusal.code != deciding.STALE:\n"
            "                ignore(draft, control, refusal.reason, refusal.code)\n        return\n"
            "    if control.arguments",
        ),
    ),
    _mutant(
        "a control that comes again is taken again",
        Edit(
            _CONTROLS,
            "    if control.request_id in draft.run.controls:\n        return\n",
            "",
        ),
    ),
    _mutant(
        "policies are not asked who may steer a run",
        Edit(
            _CONTROLS,
            "    if said is None or said.permitted:\n",
            "    if said is None or not said.permitted or True:\n",
        ),
    ),
    _mutant(
        "who approved the call before it was edited still counts",
        Edit(
            _DECIDING,
            "    return () if edited else call.consent.given\n",
            "    return call.consent.given\n",
        ),
    ),
    _mutant(
        "the call is made as it was proposed, not as it was edited",
        Edit(
            _FOLD,
            "    return changed(proposal, arguments=arguments, dry_run=None)\n",
            "    return proposal\n",
        ),
    ),
    _mutant(
        "a model answers while a person holds the run",
        Edit(
            _NEXT,
            "        _next_turn(draft) if draft.run.idle.held is None else _await_person(draft)\n",
            "        _next_turn(draft)\n",
        ),
    ),
    _mutant(
        "anybody answers for whoever holds the run",
        Edit(
            _TAKING_OVER,
            'return "" if held.by == control.actor_id else draft.people(',
            'return "" if held else draft.people(',
        ),
    ),
    _mutant(
        "calls begin while the run is paused",
        Edit(
            "processors/run/lifecycle/gate.py",
            "    if run.idle.paused:\n        return PAUSED\n",
            "",
        ),
    ),
    _mutant(
        "a call is denied before all were asked who decide in another's place",
        Edit(
            "processors/run/people/escalating.py",
            "    elif standing.step < len(said.steps):\n",
            "    elif standing.step < 0:\n",
        ),
    ),
    _mutant(
        "what an open call may cost is free when its run ends",
        Edit(
            "processors/run/lifecycle/endings.py",
            "            held=_held(draft.run),\n",
            "            held=(),\n",
        ),
    ),
    _mutant(
        "a run is settled twice",
        Edit(
            "processors/run/lifecycle/endings.py",
            "    _settle(draft)\n    run = draft.run\n    exit_ = _exit(run, ExitStatus.SUCCESS",
            "    _settle(draft)\n    _settle(draft)\n    run = draft.run\n"
            "    exit_ = _exit(run, ExitStatus.SUCCESS",
        ),
    ),
    _mutant(
        "a settlement is booked twice",
        Edit(
            "processors/tenant/books.py",
            '"used": book.used + used.get(book.unit, NOTHING)',
            '"used": book.used + 2 * used.get(book.unit, NOTHING)',
        ),
    ),
    _mutant(
        "an extension is granted and not set aside",
        Edit(
            _TENANT,
            "            reserved=_sum(admission.reserved, more.added),\n",
            "            reserved=admission.reserved,\n",
        ),
    ),
    _mutant(
        "an extension does not look at budgets",
        Edit(
            _TENANT,
            "    holds = list(_holds(draft, admission.asks, more.added))\n",
            "    holds = list(_holds(draft, admission.asks, ()))\n",
        ),
    ),
    _mutant(
        "what a run's answers cost is forgotten where it ends at its limit",
        Edit(
            "processors/run/lifecycle/endings.py",
            "            spent=draft.run.spent,\n",
            "            spent=min(used.cost, draft.run.limits.max_cost or used.cost),\n",
        ),
    ),
)
