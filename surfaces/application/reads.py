"""Reads on record: who looked at what, where a deployment asks for it."""

from __future__ import annotations

import logging
import os
import pwd
import socket
from collections.abc import Callable

import psycopg

from runfold.infra.credentials.token import Claims
from runfold.infra.database import reads
from runfold.infra.database.errors import ReadsError
from runfold.infra.database.reads import Read
from runfold.surfaces.application.errors import UnavailableError

_log = logging.getLogger("runfold.reads")


class ReadRecord:
    """Puts reads on record; ``wanted`` is ``off``, ``record`` or ``require``.

    ``url`` gives the database's address when it is first needed, ``claims`` are those of the token
    that the reader holds, and ``purpose`` is what for it reads.
    """

    def __init__(
        self,
        wanted: str,
        url: Callable[[], str],
        claims: Claims | None = None,
        purpose: str = "",
    ) -> None:
        self._wanted = wanted
        self._url = url
        self._claims = claims
        self._purpose = purpose

    def note(
        self,
        what: str,
        tenant: str | None,
        run_id: str = "",
        tell: Callable[[str], None] = _log.warning,
    ) -> None:
        """Put a read on record before it is made; ``tell`` hears where that cannot be.

        Where a record is required, it raises UnavailableError instead, and nothing is read.
        """
        if self._wanted == "off":
            return
        claims = self._claims
        read = Read(
            os_user=_os_user(),
            host=socket.gethostname(),
            token_id=claims.id if claims else "",
            claimed=f"{claims.tenant}/{claims.user}" if claims else "",
            tenant=tenant or "",
            run_id=run_id,
            what=what,
            purpose=self._purpose,
        )
        try:
            reads.record(self._url(), read)
        except Exception as error:
            if self._wanted == "require":
                raise UnavailableError(
                    f"Nothing is read without a record here (RUNFOLD_READS=require), and there "
                    f"can be none: {_why(error)}"
                ) from error
            tell(f"This read is not on record: {_why(error)}")


def _why(error: Exception) -> str:
    if isinstance(error, ReadsError):
        return str(error)
    if isinstance(error, psycopg.Error):
        return f"{str(error).partition(chr(10))[0]}."
    return f"{error}"


def _os_user() -> str:
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
