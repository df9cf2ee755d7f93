"""What is left alone for a while: tools that fail in ways that may pass, claims that are away."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from runfold.events.calls import ToolWork
from runfold.events.definitions import ToolContract
from runfold.processors.effects.admission import Admission, Guard
from runfold.processors.effects.breaker import Breaker
from runfold.processors.effects.circuits import Circuits, Member, Server
from runfold.processors.tool.beginning.identity import Identity
from runfold.processors.tool.claims.claimed import CLAIMS_AWAY
from runfold.processors.tool.ending import Ending

_CLAIMS_PAUSE_S = 2.0
# How long asking a database that is away may take.
_CLAIMS_TRIAL_S = 10.0


class Health:
    """One breaker for what is one tool (``Identity.health``), one for each server, one for claims.

    ``clock`` counts seconds. Calls with ``by_permission`` ask it and teach it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._circuits = Circuits("tool", "server", clock)
        self._claims = Breaker(clock, failures=1, pause_s=_CLAIMS_PAUSE_S)

    def tool(self, identity: Identity, contract: ToolContract, work: ToolWork) -> Admission:
        """Return leave to make a call of a tool; raises CannotBeginError while there is none."""
        named = contract.server
        server = Server(identity.server(named), named) if named else None
        member = Member(identity.health, f"{work.tool}@{work.tool_version}", server)
        return self._circuits.admit(member, work.timeout_ms / 1000)

    def claims(self, contract: ToolContract) -> AbstractContextManager[Admission | None]:
        """Return leave to ask the store of claims and slots, where a call needs that.

        Raises CannotBeginError.
        """
        if not contract.claims and not contract.is_shared:
            return nullcontext()
        guard = Guard(self._claims, "the store of claims")
        return Admission([guard], _CLAIMS_TRIAL_S, CLAIMS_AWAY)

    def told(self) -> Mapping[str, object]:
        """Return which tools and servers are left alone; from any thread."""
        return self._circuits.told()


def judge(ending: Ending, tool: Admission, claims: Admission | None) -> None:
    """Learn from how a call ended."""
    if claims is not None:
        (claims.failed if ending.code == CLAIMS_AWAY else claims.succeeded)()
    if ending.healthy is not None and not ending.repeated:
        (tool.succeeded if ending.healthy else tool.failed)()
