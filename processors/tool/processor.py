"""The tool processor: contract, arguments, claim, run, result [78-82, 93, 97, 98].

1. find the contract, and check what the run sent against it
2. find the implementation and its secrets: until here nothing was done
3. run it, under a claim if it may have side effects
4. report in the normalised form
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

from runfold.events.calls import ToolResult, ToolWork
from runfold.events.definitions import ToolContract
from runfold.events.values import ErrorInfo
from runfold.infra.artifacts.port import ArtifactStore
from runfold.infra.secrets.environment import EnvironmentSecrets
from runfold.infra.secrets.port import SecretStore
from runfold.processors.effects.kinds import Make
from runfold.processors.tool.beginning.arguments import arguments_for
from runfold.processors.tool.beginning.health import Health, judge
from runfold.processors.tool.beginning.identity import Identity, Source, identity, unpublished
from runfold.processors.tool.beginning.patience import waiting
from runfold.processors.tool.beginning.rate_limit import RateLimit
from runfold.processors.tool.beginning.slot import Places
from runfold.processors.tool.beginning.turn import SharedRate
from runfold.processors.tool.call_log import CallLog
from runfold.processors.tool.children.children import Children
from runfold.processors.tool.claims.claimed import run_claimed
from runfold.processors.tool.claims.port import Claims
from runfold.processors.tool.claims.requested import claim_request
from runfold.processors.tool.claims.slots import Slots
from runfold.processors.tool.claims.turns import Turns
from runfold.processors.tool.dying.poison import PoisonGuard
from runfold.processors.tool.ending import Ending, failed, refused, uncertain
from runfold.processors.tool.errors import NotYetError, ToolRefusedError
from runfold.processors.tool.execution import Execution, Implementation
from runfold.processors.tool.implementations import Found, found_here, here
from runfold.processors.tool.prepared import Prepared
from runfold.processors.tool.python.code_check import CodeKeeper
from runfold.processors.tool.python.threads import in_thread
from runfold.processors.tool.secrets import held
from runfold.processors.tool.settings import CodeCheck

log = logging.getLogger(__name__)

_PYTHON = "python:"
_PATIENCE_MS = 10_000

Contracts = Callable[[str, str, str], ToolContract | None]


class ToolProcessor:
    """Makes tool calls; ``call`` never raises for anything a tool, a model or a store does.

    ``contracts`` finds a contract by name, version and tenant. ``claims`` None refuses tools above
    level 0. ``modules`` are the Python modules that tools may come from; ``given`` holds
    implementations by their names in contracts, used instead of any other. ``refresh`` blocks until
    the contracts are as new as they can be; it is called for a tool that is not known yet. ``code``
    says what happens where this process holds other code than the contract names. ``poison`` keeps
    calls that end their process from doing so again and again. ``masks`` are the secrets of this
    process, which leave in no result, error or artifact, whichever call they belong to.
    ``children`` run the tools written in Python; without them they run in this process, as tests
    and programs of one process have them. ``health`` says what is left alone for a while.
    ``source`` finds what was published as a tool, which says whose it is. ``slots`` keeps bounds
    across processes; None refuses tools that have one. ``logged`` writes executions to the log.
    """

    def __init__(  # noqa: PLR0913 - what a call needs, and what tests put in its place
        self,
        contracts: Contracts,
        claims: Claims | None,
        artifacts: ArtifactStore,
        secrets: SecretStore | None = None,
        *,
        modules: Sequence[str] = (),
        given: Mapping[str, Implementation] | None = None,
        refresh: Callable[[], object] | None = None,
        code: CodeCheck = CodeCheck.REFUSE,
        poison: PoisonGuard | None = None,
        masks: Sequence[str] = (),
        children: Children | None = None,
        health: Health | None = None,
        source: Source = unpublished,
        slots: Slots | None = None,
        turns: Turns | None = None,
        logged: CallLog | None = None,
    ) -> None:
        self._log = logged or CallLog()
        self._places = Places(slots)
        self._rate = SharedRate(turns)
        self._masks = tuple(masks)
        self._code = CodeKeeper(code)
        self._poison = poison
        self._contracts = contracts
        self._source = source
        self._claims = claims
        self._artifacts = artifacts
        self._secrets = secrets if secrets is not None else EnvironmentSecrets()
        self._refresh = refresh
        self._pace = RateLimit()
        self._health = health or Health()
        self._children = children
        self._modules = tuple(modules)
        self._given = {name: here(run) for name, run in (given or {}).items()}
        self._here: dict[str, Found] = {}

    async def call(self, work: ToolWork) -> ToolResult:
        """Make the call and report what came of it."""
        return await self._reported(work, partial(self._ending, work))

    @asynccontextmanager
    async def ready(self, work: ToolWork) -> AsyncIterator[Make[ToolResult]]:
        """Find out whether a call can begin, and hold its place; raises CannotBeginError."""
        async with AsyncExitStack() as stack:
            try:
                make = await self._placed(work, stack)
            except NotYetError as hold:
                raise hold.hold() from hold
            except ToolRefusedError as refusal:
                # It begins, and ends with that.
                make = partial(_ended, failed(refusal.info))
            yield partial(self._reported, work, make)

    def cap(self, work: ToolWork) -> int | None:
        """Return how many calls of the tool may run at once in a process, None for no bound."""
        found = self._contracts(work.tool, work.tool_version, work.tenant_id)
        return found.at_once if found else None

    def group(self, work: ToolWork) -> Hashable:
        """Return what shares the places of a call: calls of the same definition."""
        found = self._contracts(work.tool, work.tool_version, work.tenant_id)
        if found is None:
            return (work.tenant_id, work.tool, work.tool_version)
        return identity(work, found, self._source).bulkhead

    async def _ending(self, work: ToolWork) -> Ending:
        contract = await self._contract(work)
        which = identity(work, contract, self._source)
        async with AsyncExitStack() as stack:
            prepared = await self._prepared(work, contract, which, work.timeout_ms, stack)
            place = self._places.one(work, contract, which, work.timeout_ms)
            await stack.enter_async_context(place)
            await self._rate.wait(work, contract, which)
            return await self._made(work, prepared)

    async def _reported(self, work: ToolWork, make: Callable[[], Awaitable[Ending]]) -> ToolResult:
        started = time.monotonic()
        try:
            ending = await make()
        except ToolRefusedError as refusal:
            ending = refused(refusal)
        except Exception as error:
            log.exception("tool call %s broke the processor", work.call_id)
            ending = uncertain(_internal(error))
        return ending.reported(work, int((time.monotonic() - started) * 1000))

    async def _placed(
        self, work: ToolWork, stack: AsyncExitStack
    ) -> Callable[[], Awaitable[Ending]]:
        """Return what makes a call that has all that it needs; the stack holds it."""
        contract = await self._contract(work)
        which = identity(work, contract, self._source)
        tool = stack.enter_context(self._health.tool(which, contract, work))
        claims = stack.enter_context(self._health.claims(contract))
        patience_ms = min(work.timeout_ms, _PATIENCE_MS)
        prepared = await self._prepared(work, contract, which, patience_ms, stack)
        async with waiting(contract.name, patience_ms):
            run = await stack.enter_async_context(prepared.found.room())
        place = self._places.one(work, contract, which, patience_ms, claims)
        await stack.enter_async_context(place)
        await self._rate.wait(work, contract, which, claims)
        placed = replace(prepared, found=replace(prepared.found, room=here(run).room))
        if claims is not None:
            placed = replace(placed, claimed=claims.succeeded)

        async def make() -> Ending:
            ending = await self._made(work, placed)
            judge(ending, tool, claims)
            return ending

        return make

    async def _prepared(
        self,
        work: ToolWork,
        contract: ToolContract,
        which: Identity,
        patience_ms: int,
        stack: AsyncExitStack,
    ) -> Prepared:
        """Steps 1 and 2, which do nothing: they wait for the tool for so long at most.

        The stack holds the call's turn.
        """
        missing = sorted(set(contract.scopes) - set(work.scopes))
        if missing:
            raise ToolRefusedError(
                f"{contract.name} needs the scopes {', '.join(missing)}, which the run lacks.",
                error_type="denied",
            )
        arguments = await arguments_for(work, contract, self._artifacts)
        async with waiting(contract.name, patience_ms):
            found = await self._found(contract.implementation)
            if found.digest is not None:
                await self._code.check(contract, found.digest)
        secrets: Mapping[str, str] = {}
        if contract.auth:
            secrets = await in_thread(held, contract.auth, self._secrets, work.tenant_id)
        pace = self._pace.turn(which.rate, contract, work.timeout_ms)
        turn = await stack.enter_async_context(pace)
        return Prepared(contract, arguments, found, secrets, turn)

    async def _made(self, work: ToolWork, prepared: Prepared) -> Ending:
        """Step 3, in the log as its level asks for."""
        with self._log.execution(work, prepared.contract) as ended:
            ending = await self._executed(work, prepared)
            ended(ending)
        return ending

    async def _executed(self, work: ToolWork, prepared: Prepared) -> Ending:
        contract, found = prepared.contract, prepared.found
        context = prepared.context(work, self._artifacts, self._masks)
        execution = Execution(
            contract,
            found.room,
            prepared.arguments,
            context,
            work.timeout_ms,
            self._masks,
            prepared.turn.used,
        )
        guarded = contract.implementation.startswith(_PYTHON) and self._poison is not None
        run = (
            partial(self._poison.run, work, execution)
            if guarded and self._poison
            else execution.run
        )
        if not contract.claims:
            return await run()
        if self._claims is None:
            raise ToolRefusedError(
                f"{contract.name} has side effects, and this process keeps no claims.",
                error_type="unavailable",
                suggested_next_action="Place the tool in a pool, and give that DATABASE_URL.",
            )
        wanted = claim_request(work, contract, prepared.arguments)
        # Another owner may need as long as this one would; after that its lease tells.
        patience_s = work.timeout_ms / 1000 + 20
        ask = partial(found.reconciler, context) if found.reconciler is not None else None
        told = prepared.claimed
        return await run_claimed(self._claims, wanted, run, patience_s, ask, answered=told)

    async def _found(self, name: str) -> Found:
        if (given := self._given.get(name)) is not None:
            return given
        if self._children is not None and name.startswith(_PYTHON):
            return await self._children.find(name.removeprefix(_PYTHON))
        if name not in self._here:
            self._here[name] = found_here(name, self._modules)
        return self._here[name]

    async def _contract(self, work: ToolWork) -> ToolContract:
        found = self._contracts(work.tool, work.tool_version, work.tenant_id)
        if found is None and self._refresh is not None:
            await in_thread(self._refresh)
            found = self._contracts(work.tool, work.tool_version, work.tenant_id)
        if found is None:
            raise ToolRefusedError(
                f"There is no tool {work.tool}@{work.tool_version} here.",
                error_type="unknown_tool",
                suggested_next_action="Use one of the tools that are offered.",
            )
        return found


async def _ended(ending: Ending) -> Ending:
    return ending


def _internal(error: Exception) -> ErrorInfo:
    return ErrorInfo(
        error_type="internal_error",
        message=f"The tool processor failed with {type(error).__name__}; its log has the rest.",
        retryable=False,
        suggested_next_action="Look into the log of the process that made the call.",
    )
