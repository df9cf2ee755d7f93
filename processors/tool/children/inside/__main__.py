"""``python -m runfold.processors.tool.children.inside``: a nursery, or one worker by itself.

Its one argument is JSON: the module of tools, the number of the socket to the parent, the
parent's pid, the memory of a call in bytes, whether this is a worker, whom to become, and the
PYTHONPATH that others are to find.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import traceback

from runfold.infra.process.memory import bound_memory
from runfold.processors.tool.children.inside.channel import Channel
from runfold.processors.tool.children.inside.confine import (
    become,
    die_with,
    need_little,
)
from runfold.processors.tool.children.inside.module import imported
from runfold.processors.tool.children.inside.nursery import Nursery
from runfold.processors.tool.children.inside.worker import Worker, end
from runfold.processors.tool.python.code import owners


def main() -> None:
    """Import the module, say so, and serve the parent."""
    given = json.loads(sys.argv[1])
    die_with(given["parent"])
    need_little()
    if given["user"]:
        # That user may not see where Python and its packages are.
        owners()
        become(given["user"])
        die_with(given["parent"])
    sys.argv = [given["module"]]
    os.environ.pop("PYTHONPATH", None)
    if given["python_path"] is not None:
        os.environ["PYTHONPATH"] = given["python_path"]
    with socket.socket(fileno=given["socket"]) as parent:
        parent.set_inheritable(False)
        tools, said = imported(given["module"])
        channel = Channel(parent)
        channel.send(said)
        if tools is None:
            return
        if given["worker"]:
            bound_memory(given["memory_bytes"])
            Worker(tools, channel).serve()
        else:
            Nursery(tools, parent, given["memory_bytes"]).serve()


if __name__ == "__main__":
    try:
        main()
    except BaseException:  # noqa: BLE001 - nothing above this could say what it was
        traceback.print_exc()
        end(1)
    end(0)
