"""A program that does what its arguments say: for the tests of how it is started."""

import os
import signal
import sys
import time
from pathlib import Path

from runfold.infra.process.failpoints import failpoint

if __name__ == "__main__":
    match sys.argv[1:]:
        case ["exit", code]:
            sys.exit(int(code))
        case ["raise"]:
            raise ValueError("raised")
        case ["die"]:
            os.kill(os.getpid(), signal.SIGTERM)
        case ["say", *words]:
            print(words, os.environ["EXAMPLE"], "PATH" in os.environ, Path.cwd(), sys.stdin.read())
        case ["failpoint"]:
            failpoint("example")
        case ["sleep"]:
            time.sleep(600)
