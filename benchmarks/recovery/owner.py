"""The run processor under a name of its own.

``python -m benchmarks.recovery.owner NAME OWNERSHIP`` runs it.
OWNERSHIP is ``fixed``, or the protocol of a group, in which the name can be told apart.
"""

from __future__ import annotations

import os
import sys

from runfold.processors.run.__main__ import main

if __name__ == "__main__":
    name, ownership = sys.argv[1:]
    os.environ["KAFKA_CLIENT_ID"] = name
    if ownership != "fixed":
        os.environ["RUNFOLD_OWNERSHIP"] = "group"
        os.environ["RUNFOLD_GROUP_PROTOCOL"] = ownership
    sys.exit(main())
