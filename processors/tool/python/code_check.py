"""Whether this process holds the code that a tool's contract was published with."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from runfold.events.definitions import ToolContract
from runfold.processors.tool.errors import ToolRefusedError
from runfold.processors.tool.python.code import code_digest
from runfold.processors.tool.settings import CodeCheck

_log = logging.getLogger(__name__)


def differs(contract: ToolContract) -> bool:
    """Return whether a contract names code, and this process has another for it."""
    named = contract.code_digest
    return named is not None and named != code_digest(contract.implementation)


Digest = Callable[[], Awaitable[str | None]]


class CodeKeeper:
    """Refuses, or warns once for each contract, where the code is not the one that was pinned."""

    def __init__(self, mode: CodeCheck) -> None:
        self._mode = mode
        self._warned: set[tuple[str, str, str]] = set()

    async def check(self, contract: ToolContract, digest: Digest) -> None:
        """Raise ToolRefusedError where the code differs and that is to be refused.

        ``digest`` returns that of the code which would run.
        """
        named = contract.code_digest
        if named is None or self._mode is CodeCheck.IGNORE or named == await digest():
            return
        said = (
            f"{contract.name}@{contract.version} was published with other code than this process "
            f"has for {contract.implementation}."
        )
        if self._mode is CodeCheck.REFUSE:
            raise ToolRefusedError(
                said,
                error_type="code_mismatch",
                retryable=True,
                suggested_next_action=(
                    "Deploy the code that was published, or publish this code under a new version."
                ),
            )
        key = (contract.name, contract.version, named)
        if key not in self._warned:
            self._warned.add(key)
            _log.warning("%s Publish it under a new version to pin it.", said)
