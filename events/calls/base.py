"""What every kind of call has: its work, its result, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from runfold.events.base import Record, Symbol
from runfold.events.values import Attribution, ErrorInfo


class Outcome(Symbol):
    """How a call ended; ``held`` says that it could not begin, so that nothing was done."""

    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    HELD = "held"


class CallWork(Record):
    """One call to make, already decided and committed; ``attempt`` counts from 1.

    A kind declares these fields itself, in an order of its own: that order is its schema's.
    """

    if TYPE_CHECKING:

        @property
        def run_id(self) -> str:
            """Return the run that asks."""

        @property
        def tenant_id(self) -> str:
            """Return the tenant that the run belongs to."""

        @property
        def call_id(self) -> str:
            """Return the call's id, the same for every attempt."""

        @property
        def attempt(self) -> int:
            """Return the attempt, from 1."""

        @property
        def timeout_ms(self) -> int:
            """Return the milliseconds that the call may take."""

        @property
        def attribution(self) -> Attribution:
            """Return for whom the call is made."""

        @property
        def traceparent(self) -> str:
            """Return the run's trace."""

        @property
        def by_permission(self) -> bool:
            """Return whether the run says if it may begin, and understands that it is held."""


class CallResult(Record):
    """What came of a call: its contents on success, ``error`` otherwise.

    A kind declares these fields itself, as its work does.
    """

    contents: ClassVar[tuple[str, ...]] = ()
    """The fields that hold what was answered."""

    if TYPE_CHECKING:

        @property
        def run_id(self) -> str:
            """Return the run that asked."""

        @property
        def call_id(self) -> str:
            """Return the call's id."""

        @property
        def attempt(self) -> int:
            """Return the attempt that this came of."""

        @property
        def outcome(self) -> Outcome:
            """Return how the call ended."""

        @property
        def latency_ms(self) -> int:
            """Return the milliseconds that the call took."""

        @property
        def queued_ms(self) -> int | None:
            """Return the milliseconds that it waited in its process, None if it never began."""

        @property
        def error(self) -> ErrorInfo | None:
            """Return what went wrong, None where nothing did."""

    @property
    def acted(self) -> bool:
        """Whether something may have been done that outlives the call.

        Such a result must be recorded even where its run has ended.
        """
        return False

    def emptied(self, error: ErrorInfo) -> Self:
        """Return this result as a failure without its contents."""
        fields = type(self).model_fields
        left_out = {name: fields[name].default for name in self.contents}
        return self.model_copy(update={"outcome": Outcome.FAILED, "error": error, **left_out})
