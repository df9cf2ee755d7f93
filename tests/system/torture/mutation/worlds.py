"""Mistakes that only a world shows: where calls wait, or what is around the product changes."""

from __future__ import annotations

from tests.system.torture.mutation.mutant import Edit, Mutant
from tests.system.torture.worlds import (
    CLOCKS,
    DEPLOYED,
    NEIGHBOURS,
    OUTAGE,
    REGRETS,
    RESTORED,
    SHARED,
    UNPROVIDED,
)

_MAKER = "processors/effects/maker.py"

OF_WORLDS = (
    Mutant(
        "claims that are away fail the call",
        OUTAGE,
        (
            Edit(
                "processors/tool/claims/claimed.py",
                "        return refused(NotYetError(CLAIMS_AWAY, str(error)))\n",
                "        return failed(ErrorInfo(\n"
                '            error_type="unavailable", message=str(error), retryable=True\n'
                "        ))\n",
            ),
        ),
    ),
    Mutant(
        "what was held counts as a try",
        OUTAGE,
        (
            Edit(
                "processors/run/state/calls.py",
                "        return self.attempt - self.beginning.held\n",
                "        return self.attempt\n",
            ),
        ),
    ),
    Mutant(
        "an open circuit fails the call",
        UNPROVIDED,
        (
            Edit(
                "processors/model/caller.py",
                '        raise CannotBeginError("circuit_open", left_alone(", ".join(names)),'
                " min(pauses))\n",
                "        yield {}\n",
            ),
            Edit(
                "processors/model/processor.py",
                "        if work.by_permission and alone:\n",
                "        if alone and not work.by_permission:\n",
            ),
        ),
    ),
    Mutant(
        "a slow tool may fill the pool's backlog",
        NEIGHBOURS,
        (
            Edit(
                "processors/effects/bounds.py",
                "        return cls(variables.CALLS_SHARE.read() / 100,"
                " max(1, backlog * share // 100))\n",
                "        return cls(variables.CALLS_SHARE.read() / 100)\n",
            ),
        ),
    ),
    Mutant(
        "queued local calls of a run that has ended are made",
        REGRETS,
        (
            Edit(
                "processors/engine/kafka/local_work.py",
                "        if known is None:\n            return Wish.DROP\n",
                "        if known is None:\n            return Wish.BEGIN\n",
            ),
        ),
    ),
    Mutant(
        "the pool takes a no for a yes",
        REGRETS,
        (
            Edit(
                _MAKER,
                "        return Wish.BEGIN if granted else Wish.DROP\n",
                "        return Wish.BEGIN\n",
            ),
        ),
    ),
    Mutant(
        "what the run does not know is left to the claim",
        RESTORED,
        (
            Edit(
                "processors/run/agent/calls/beginnings.py",
                "        granted=call is not None and question.by in call.beginning.by,\n",
                "        granted=call is None or question.by in call.beginning.by,\n",
            ),
        ),
    ),
    Mutant(
        "a lane's time is the machine's",
        CLOCKS,
        (
            Edit(
                "infra/clock/steady.py",
                "    ahead = last + passed - wall\n    if abs(ahead) <= FOLLOWED:\n",
                "    ahead = last + passed - wall\n    if abs(ahead) <= 10**6 * FOLLOWED:\n",
            ),
        ),
    ),
    Mutant(
        "a pool that is told to end cuts its calls off",
        DEPLOYED,
        (
            Edit(
                "processors/effects/pool/pool.py",
                "self._effects.close(self._config.drain_s)",
                "self._effects.close(0.5)",
            ),
        ),
    ),
    Mutant(
        "a database that says nothing of itself may use any topics",
        SHARED,
        (
            Edit(
                "infra/deployment/identity.py",
                "    if journal is not None and journal.mark and"
                " (binding is None or binding.mark != journal.mark):\n",
                "    if journal is not None and journal.mark and"
                " binding is not None and binding.mark != journal.mark:\n",
            ),
        ),
    ),
)
