"""How the processes of tools are set."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from runfold.infra.secrets.taking import environment_for_others

_PROGRAM = "runfold.processors.tool.children.inside"
_MB = 1024 * 1024

_NO_THREADS = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""With these numpy, pandas, scipy and pyarrow start no thread while they are imported.

A process with threads cannot be copied, so their modules would be imported again for each call.
"""


@dataclass(frozen=True, slots=True)
class ChildSettings:
    """Bounds of the children of one process.

    ``memory_mb`` is the address space, in MiB, that calls may take beyond what their module took.
    ``user`` is whom children run as, empty for the user of this process. A worker that had nothing
    to do for ``idle_s`` is ended. ``import_s`` is how long a module may take to be imported.
    """

    memory_mb: int = 4096
    user: str = ""
    idle_s: float = 60.0
    import_s: float = 120.0

    def command(self, module: str, end: int, *, worker: bool) -> list[str]:
        """Return the program that serves a module over the socket with the number ``end``."""
        given = {
            "module": module,
            "socket": end,
            "parent": os.getpid(),
            "memory_bytes": self.memory_mb * _MB,
            "worker": worker,
            "user": self.user,
            "python_path": os.environ.get("PYTHONPATH"),
        }
        return [sys.executable, "-m", _PROGRAM, json.dumps(given)]

    def environment(self) -> Mapping[str, str]:
        """Return the environment of a child: no secret, and the modules that are found here.

        A variable that the user has set stays as it is.
        """
        path = os.pathsep.join(each or os.getcwd() for each in sys.path)  # noqa: PTH109
        return {**_NO_THREADS, **environment_for_others(), "PYTHONPATH": path}
