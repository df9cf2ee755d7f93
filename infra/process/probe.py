"""``python -m runfold.infra.process.probe``: ask the process of this container whether it works.

It asks ``/health/ready`` at RUNFOLD_METRICS_PORT, says what it was told, and ends with 0 where the
process does its work, else with 1: it is starting, ending, or does not answer.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from runfold.infra.process.health import READY
from runfold.infra.settings.declared.variables import METRICS_ADDRESS, METRICS_PORT
from runfold.infra.settings.errors import ConfigError

_WAIT_S = 3.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where one listens on all
_MOST_BYTES = 1_000_000


def main() -> int:
    """Ask once and return the exit code of a health check: 0 where the process is ready, else 1."""
    try:
        port, address = METRICS_PORT.read(), METRICS_ADDRESS.read()
    except ConfigError as error:
        return _said(str(error))
    if port is None:
        return _said("RUNFOLD_METRICS_PORT is not set: there is no port to ask.")
    try:
        with closing(HTTPConnection(_ANY.get(address, address), port, timeout=_WAIT_S)) as asked:
            asked.request("GET", READY)
            answer = asked.getresponse()
            found = json.loads(answer.read(_MOST_BYTES))
    except (OSError, HTTPException, ValueError) as error:
        return _said(f"the process does not answer: {type(error).__name__}: {error}")
    print(f"{found.get('process')} is {found.get('phase')}")
    return 0 if answer.status == 200 else 1


def _said(why: str) -> int:
    print(why)
    return 1


if __name__ == "__main__":
    sys.exit(main())
