"""The blocking client: start runs, follow them, steer them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from runfold.connecting import connection
from runfold.events.commands import Resolution
from runfold.events.content import json_content
from runfold.failures import as_ours
from runfold.producers.client import RequestOptions, RunClient
from runfold.surfaces.application.runs.runs import Runs
from runfold.surfaces.application.runs.submit import more_of
from runfold.surfaces.application.shapes import Completion, ControlOutcome, Event, RunDetail

Found = Literal["happened", "did_not_happen", "unknown"]
"""What a person found out about a call of which nobody knew whether it happened."""


def connect(
    bootstrap_servers: str | None = None,
    *,
    schema_registry_url: str | None = None,
    deployment: str | None = None,
    tenant_id: str = "default",
    user_id: str = "me",
) -> Client:
    """Return a client of the Kafka at ``bootstrap_servers``.

    ``deployment`` is the name of the one that is meant, where several share that Kafka. What is not
    given is read from KAFKA_BOOTSTRAP_SERVERS, SCHEMA_REGISTRY_URL and RUNFOLD_DEPLOYMENT (security
    from the other KAFKA_* variables); without an address, it is the stack that ``runfold up``
    started. It speaks in the name of one tenant's user and sees that tenant's runs only. Raises
    UnavailableError where nothing runs, InvalidError for a name that no deployment has.
    """
    with as_ours():
        made = connection(bootstrap_servers, schema_registry_url, deployment)
        client = RunClient(made.writer, made.reader, tenant_id, user_id)

    def close() -> None:
        client.close()
        made.writer.close()

    return Client(Runs(client), close)


class Client:
    """Starts and finds runs; any thread may use it. As a context manager it closes itself."""

    def __init__(self, runs: Runs, close: Callable[[], None]) -> None:
        self._runs = runs
        self._close = close

    def run(self, goal: str, agent: str, **options: Unpack[RequestOptions]) -> Run:
        """Ask for a run and return it, once the request is durable.

        ``agent`` is a name or ``name@version``. The same ``run_id`` twice starts one run. Raises
        InvalidError for a request that nobody could accept, UnavailableError if Kafka is away.
        """
        with as_ours():
            return Run(self._runs, self._runs.submit(goal, agent, **options))

    def get(self, run_id: str) -> Run:
        """Return a run that was asked for before; its methods raise NotFoundError for others."""
        return Run(self._runs, run_id)

    def close(self) -> None:
        """Let what is on its way arrive, and stop following."""
        self._close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the client."""
        self.close()


class Run:
    """One run. Controls wait for their effect and return it.

    They raise NotFoundError, RunEndedError where the run has ended, and NotYetError where the
    journal says nothing of the control in time.
    """

    def __init__(self, runs: Runs, run_id: str) -> None:
        self._runs = runs
        self.id = run_id

    def __repr__(self) -> str:
        """Return the run's id."""
        return f"Run({self.id!r})"

    def status(self) -> RunDetail:
        """Return where the run stands, folded from the journal."""
        with as_ours():
            return self._runs.status(self.id)

    def events(
        self, *, after_seq: int = 0, follow: bool = False, timeout: float | None = None
    ) -> Iterator[Event]:
        """Yield the run's events after ``after_seq``; with ``follow`` as they come, to the last.

        Ends quietly after ``timeout`` seconds.
        """
        with as_ours():
            yield from self._runs.events(
                self.id, after_seq=after_seq, follow=follow, timeout=timeout
            )

    def wait(self, timeout: float | None = None) -> Completion:
        """Return how the run ended, well or not, once it has.

        Raises NotYetError after ``timeout`` seconds; the run goes on.
        """
        with as_ours():
            return self._runs.wait(self.id, timeout)

    def approve(
        self,
        call_id: str,
        *,
        arguments: Mapping[str, Any] | None = None,
        comment: str | None = None,
    ) -> ControlOutcome:
        """Let a proposed call run, with other arguments where given."""
        edited = None if arguments is None else json_content(dict(arguments))
        with as_ours():
            return self._runs.approve(self.id, call_id, edited, comment)

    def deny(self, call_id: str, reason: str) -> ControlOutcome:
        """Refuse a proposed call; the model is told the reason."""
        with as_ours():
            return self._runs.deny(self.id, call_id, reason)

    def resolve(
        self, call_id: str, found: Found, *, result: object = None, comment: str | None = None
    ) -> ControlOutcome:
        """Say whether an uncertain call happened, with the JSON ``result`` that it gave."""
        content = None if result is None else json_content(result)
        with as_ours():
            return self._runs.resolve(self.id, call_id, Resolution(found), content, comment)

    def pause(self, reason: str = "") -> ControlOutcome:
        """Let the run make no new call until it is resumed."""
        with as_ours():
            return self._runs.pause(self.id, reason)

    def resume(self, reason: str = "") -> ControlOutcome:
        """Let a paused run go on."""
        with as_ours():
            return self._runs.resume(self.id, reason)

    def cancel(self, reason: str = "") -> ControlOutcome:
        """End the run."""
        with as_ours():
            return self._runs.cancel(self.id, reason)

    def extend(self, reason: str = "", **more: Decimal | int | str) -> ControlOutcome:
        """Let the run use more: ``usd``, ``tokens``, ``tool_calls``, ``model_calls``, ``retries``.

        Raises InvalidError for what is no amount.
        """
        with as_ours():
            return self._runs.extend(self.id, more_of(more), reason)

    def deny_extension(self, reason: str = "") -> ControlOutcome:
        """Let a run end that has met a limit and waits for more."""
        with as_ours():
            return self._runs.deny_extension(self.id, reason)

    def tell(self, message: str) -> ControlOutcome:
        """Say something to the run; the model reads it at its next turn."""
        with as_ours():
            return self._runs.tell(self.id, message)

    def instruct(self, instructions: str) -> ControlOutcome:
        """Replace the run's instructions from here on."""
        with as_ours():
            return self._runs.instruct(self.id, instructions)

    def answer(self, question_id: str, answer: str) -> ControlOutcome:
        """Answer what the agent asked."""
        with as_ours():
            return self._runs.answer(self.id, question_id, answer)
