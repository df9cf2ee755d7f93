"""Runs a tool with side effects under its claim [93].

1. take the claim, waiting while another living owner runs the same call
2. run; where an owner died, take its claim over and ask the tool first, if it can tell
3. end the claim by what came of it, and only then report
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from runfold.events.calls import Outcome
from runfold.events.values import ErrorInfo
from runfold.infra.process.failpoints import failpoint
from runfold.processors.tool.claims.port import ClaimRequest, Claims, Held, Told, Verdict
from runfold.processors.tool.ending import Ending, failed, refused, uncertain
from runfold.processors.tool.errors import ClaimsUnavailableError, NotYetError
from runfold.processors.tool.metrics import CLAIMS
from runfold.processors.tool.python.reconciling import Ask, Truth, happened, settled

log = logging.getLogger(__name__)

CLAIMS_AWAY = "claims_unavailable"
"""What a call waits for that could not be claimed."""

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_STORE_TRIES = 8

_CONFLICT = ErrorInfo(
    error_type="idempotency_conflict",
    message="This idempotency key was used before, with other arguments.",
    retryable=False,
    suggested_next_action="Propose the call anew, so that it gets a key of its own.",
)
_UNKNOWN = ErrorInfo(
    error_type="owner_died",
    message="The process that ran this call died; nobody knows whether the tool had acted.",
    retryable=False,
    suggested_next_action="Find out whether it happened, and resolve the call.",
)
_BUSY = ErrorInfo(
    error_type="in_progress",
    message="Another process still runs this very call.",
    retryable=True,
    suggested_next_action="Wait for it.",
)


Run = Callable[[], Awaitable[Ending]]


async def run_claimed(
    claims: Claims,
    wanted: ClaimRequest,
    run: Run,
    patience_s: float,
    ask: Ask | None = None,
    *,
    answered: Callable[[], object] = lambda: None,
) -> Ending:
    """Run at most once for a key and return how it ended, or how it had ended before.

    ``ask`` finds out whether a call that was cut off has happened. ``answered`` is called as soon
    as the store of claims has answered: the tool may run for long after that.
    """
    failpoint("tool.before_claim")
    begin = run
    try:
        told = await _settled(claims, wanted, patience_s, answered)
        if told.verdict is Verdict.UNCERTAIN and ask is not None:
            # Taken over before the question: nobody else may run it between answer and act.
            known = replace(wanted, safe_to_repeat=True)
            told = await _settled(claims, known, patience_s, answered)
            begin = partial(_after_asking, run, ask)
    except ClaimsUnavailableError as error:
        CLAIMS("unavailable").inc()
        return refused(NotYetError(CLAIMS_AWAY, str(error)))
    CLAIMS(told.verdict.value).inc()
    failpoint("tool.after_claim")
    match told.verdict:
        case Verdict.ANSWERED:
            return Ending(Outcome.SUCCEEDED, told.result, effect=True, repeated=True)
        case Verdict.CONFLICT:
            return failed(_CONFLICT)
        case Verdict.UNCERTAIN:
            return uncertain(_UNKNOWN)
        case Verdict.BUSY:
            return failed(_BUSY) if wanted.safe_to_repeat else uncertain(_BUSY)
        case Verdict.RUN:
            assert told.held is not None
            # Who was asked before it ran need not be asked again.
            return await _run_held(claims, told.held, begin, ask if begin is run else None)


async def _run_held(claims: Claims, held: Held, begin: Run, ask: Ask | None) -> Ending:
    try:
        ending = await begin()
        if ending.outcome is Outcome.UNCERTAIN and ask is not None:
            ending = await settled(ending, ask)
        failpoint("tool.before_finish")
        await _store(claims, held, ending)
    except asyncio.CancelledError:
        claims.abandon(held)
        raise
    failpoint("tool.after_finish")
    return ending


async def _after_asking(run: Run, ask: Ask) -> Ending:
    match await ask():
        case Truth.HAPPENED:
            return happened()
        case Truth.DID_NOT:
            return await run()
        case _:
            return uncertain(_UNKNOWN)


async def _settled(
    claims: Claims, wanted: ClaimRequest, patience_s: float, answered: Callable[[], object]
) -> Told:
    loop = asyncio.get_running_loop()
    due, pause = loop.time() + patience_s, _FIRST_PAUSE_S
    while True:
        told = await claims.claim(wanted)
        answered()
        if told.verdict is not Verdict.BUSY or loop.time() + pause > due:
            return told
        # It runs now, so a person's word about it is older than what comes of it.
        wanted = replace(wanted, cleared=0)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


async def _store(claims: Claims, held: Held, ending: Ending) -> None:
    """End the claim; if the store stays away the ending is reported all the same.

    The store then owes that end and writes it when it can. Until then others wait; after this
    owner's death a repeat is told that nobody knows, which is true of the store, and the run has
    the result from here.
    """
    pause = _FIRST_PAUSE_S
    for left in reversed(range(_STORE_TRIES)):
        try:
            if ending.outcome is Outcome.SUCCEEDED and ending.result is not None:
                await claims.finish(held, ending.result)
            elif ending.outcome is Outcome.UNCERTAIN:
                await claims.doubt(held)
            else:
                await claims.release(held)
        except ClaimsUnavailableError:
            log.warning("the end of claim %s is not stored yet", held.idempotency_key)
        else:
            return
        if left:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
    log.error("the end of claim %s could not be stored", held.idempotency_key)
