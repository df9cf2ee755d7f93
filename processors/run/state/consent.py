"""What is known of the consent to calls: of policies, and of people."""

from __future__ import annotations

from dataclasses import dataclass

from runfold.events.people.approvals import ApprovalTerms, Approver, Holds, HoldsFor

PLAIN = ApprovalTerms()
"""The terms of an approval where no policy says others: any one person, once."""


@dataclass(frozen=True)
class Consent:
    """What people said of one call, on the terms of policies.

    ``approval`` is ``not_required``, ``pending``, ``approved`` or ``denied``. ``shown`` is the
    digest of what is shown to whoever decides now. ``given`` are those who have approved it as it
    is, and ``holds`` is for what else they let it hold. ``by_time`` says that nobody did, and that
    it was approved because nobody decided.
    """

    approval: str = "not_required"
    shown: bytes | None = None
    terms: ApprovalTerms = PLAIN
    given: tuple[Approver, ...] = ()
    holds: Holds | None = None
    by_time: bool = False


NO_CONSENT = Consent()
"""Nobody has said anything of a call yet."""


@dataclass(frozen=True)
class Grant:
    """An approval that holds for other calls of its run; it dies with the run.

    ``level`` is the risk level of the approved call, ``taint`` what the run had read by then;
    ``left`` counts the calls that it still permits. ``by`` is empty where there were no policies.
    ``shown`` says that whoever approved named what they were shown.
    """

    id: str
    holds: Holds
    tool: str
    level: int
    left: int
    by: tuple[Approver, ...] = ()
    taint: tuple[str, ...] = ()
    shown: bool = False

    @property
    def scope(self) -> HoldsFor:
        """For what it holds."""
        return self.holds.scope
