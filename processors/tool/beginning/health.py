"""What is left alone for a while: tools that fail in ways that may pass, claims that are away."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext

from runfold.events.calls import ToolWork
from runfold.events.definitions import ToolContract
from runfold.processors.effects.admission import Admission
from runfold.processors.effects.breaker import Breaker
from runfold.processors.tool.beginning.identity import Identity
from runfold.processors.tool.claims.claimed import CLAIMS_AWAY
from runfold.processors.tool.ending import Ending

_CLAIMS_PAUSE_S = 2.0
# How long asking a database that is away may take.
_CLAIMS_TRIAL_S = 10.0
_MOST_KEPT = 1000


class Health:
    """One breaker for what is one tool (``Identity.health``), and one for the claims.

    ``clock`` counts seconds. Calls with ``by_permission`` ask it and teach it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tools: dict[Hashable, Breaker] = {}
        self._claims = Breaker(clock, failures=1, pause_s=_CLAIMS_PAUSE_S)

    def tool(self, identity: Identity, work: ToolWork) -> Admission:
        """Return leave to make a call of a tool; raises CannotBeginError while there is none."""
        key = identity.health
        if key not in self._tools and len(self._tools) >= _MOST_KEPT:
            # Those that are well have nothing to remember.
            self._tools = {key: each for key, each in self._tools.items() if not each.at_rest}
        breaker = self._tools.setdefault(key, Breaker(self._clock))
        return Admission(breaker, f"{work.tool}@{work.tool_version}", work.timeout_ms / 1000)

    def claims(self, contract: ToolContract) -> AbstractContextManager[Admission | None]:
        """Return leave to claim a call, where its tool needs that; raises CannotBeginError."""
        if not contract.claims:
            return nullcontext()
        return Admission(self._claims, "the store of claims", _CLAIMS_TRIAL_S, CLAIMS_AWAY)


def judge(ending: Ending, tool: Admission, claims: Admission | None) -> None:
    """Learn from how a call ended."""
    if claims is not None:
        (claims.failed if ending.code == CLAIMS_AWAY else claims.succeeded)()
    if ending.healthy is not None and not ending.repeated:
        (tool.succeeded if ending.healthy else tool.failed)()
