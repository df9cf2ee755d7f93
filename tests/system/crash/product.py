"""The whole product as processes of the test: started, killed, started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runfold.events import topics
from runfold.events.base import Fact
from runfold.events.run import ToolCallStarted
from runfold.infra.process.failpoints import VARIABLE
from runfold.producers.identity import uuid7
from runfold.producers.log.partitioner import partition_for
from runfold.stack.settings import Settings
from tests.projections.running import caught_up
from tests.support import warm
from tests.system import oracle
from tests.system.crash.agent import PAY, definitions, publish_definitions, request
from tests.system.crash.person import Person
from tests.system.oracle.histories import histories

ROOT = Path(__file__).parents[3]
MODULES = {
    "runs": "runfold.processors.run",
    "tools": "runfold.processors.tool",
    "projector": "runfold.projections",
}
PATIENCE_S = 60.0


def code_of(root: Path) -> dict[str, str]:
    """The environment of a process that runs the code of another checkout than this one."""
    return {} if root == ROOT else {"PYTHONPATH": str(root / "src")}


class Supervised:
    """One process that is started again whenever it dies, as a supervisor would do it.

    It runs the code of ``root``, which is this checkout unless it is set.
    """

    def __init__(
        self, module: Sequence[str], env: dict[str, str], log: Path, root: Path = ROOT
    ) -> None:
        self._module = module
        self._env = env
        self._log = log
        self.root = root
        self.deaths = 0
        self.exits: list[int] = []
        self.process = self.start()

    def start(self, failpoint: str = "") -> warm.Started:
        """Start it, to die at a failpoint where one is given."""
        with self._log.open("ab") as log:
            self.process = warm.start(
                *self._module,
                env={**os.environ, **code_of(self.root), **self._env, VARIABLE: failpoint},
                tree=self.root,
                stdout=log,
                stderr=log,
            )
        return self.process

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-3000:]

    def tend(self) -> None:
        """Start it again if it has died."""
        if self.process.poll() is not None:
            self.deaths += 1
            self.exits.append(self.process.returncode)
            self.start()


class Product:
    """Run processor, tool pool and projector on the servers of the session, and their person."""

    def __init__(
        self, settings: Settings, folder: Path, more: Mapping[str, str], root: Path = ROOT
    ) -> None:
        self.settings = settings
        self.root = root
        self.folder = folder
        self.ledger = folder / "ledger"
        self.person = Person(settings, self.ledger)
        self.wanted: set[str] = set()
        self.poison: set[oracle.Place] = set()
        self.env = {
            **settings.to_env(),
            "RUNFOLD_TOOL_MODULES": "tests.system.crash.tools",
            "RUNFOLD_CLAIM_LEASE_S": "1",
            "RUNFOLD_INSTANCE": "pool-1",
            **more,
        }
        self.processes = {name: self.supervised(name) for name in MODULES}

    def supervised(self, name: str) -> Supervised:
        """Start one more process of a kind."""
        log = self.settings.home / f"{name}.log"
        return Supervised([MODULES[name]], self.env, log, self.root)

    def ask_for(self, count: int) -> None:
        """Request so many runs and wait until the requests are on the log."""
        for number in range(count):
            asked = request(f"order {number}", run_id=self._id_on(number))
            self.wanted.add(asked.run_id)
            self.person.send(topics.REQUESTS, asked, asked.run_id)
        self.person.flush()

    def _id_on(self, number: int) -> str:
        """A run id that lives on the partition of this number: every lane gets its share."""
        count = self.settings.partitions
        while partition_for((run_id := uuid7()).encode(), count) != number % count:
            pass
        return run_id

    def tend(self) -> None:
        """Start again what died, and let the person work."""
        for process in self.processes.values():
            process.tend()
        self.person.work()

    def wait_until(self, done: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
        """Tend until something holds."""
        until = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < until, f"{what}: not so after {seconds} s; {self.state()}"
            self.tend()

    def wait_for_death(self, name: str, failpoint: str) -> None:
        """Tend, with runs in flight, until a process has died at a failpoint; it is left dead."""
        victim = self.processes[name].process
        until = time.monotonic() + PATIENCE_S
        while victim.poll() is None:
            assert time.monotonic() < until, f"{name} never came to {failpoint}; {self.state()}"
            for other, process in self.processes.items():
                if other != name:
                    process.tend()
            self.person.work()
            if self.wanted <= self.person.ended:
                self.ask_for(2)
        assert victim.returncode == -signal.SIGKILL, f"{name} ended by itself at {failpoint}"

    def wait_for_events(self, kind: type[Fact], count: int) -> None:
        """Tend until the journal holds so many events of a kind."""
        name = kind.__name__
        self.wait_until(lambda: self.person.types[name] >= count, f"{count} {name}")

    def wait_for_ends(self, seconds: float = PATIENCE_S) -> None:
        """Tend until every run that was asked for has ended."""
        self.wait_until(lambda: self.wanted <= self.person.ended, "all runs have ended", seconds)

    def state(self) -> str:
        """What is missing, for a failure's message."""
        missing = sorted(self.wanted - self.person.ended)
        deaths = {name: process.exits for name, process in self.processes.items()}
        return f"{len(missing)} of {len(self.wanted)} runs open, such as {missing[:2]}; {deaths}"

    def undecided(self) -> set[str]:
        """Keys of calls that were made though no committed event says that they started."""
        made: set[str] = set()
        for name in ("ledger", "reads", "filed"):
            path = self.folder / name
            made.update(path.read_text().split() if path.exists() else ())
        seen = oracle.Seen((), oracle.read_topic(self.settings, topics.EVENTS), ())
        read = histories(seen)
        return made - {
            fact.idempotency_key
            for run_id in read.runs
            for fact in read.facts(run_id, ToolCallStarted)
        }

    def judge(self, *, may_be_uncertain: bool = False) -> list[str]:
        """Let everything come to its end and return what breaks the guarantees."""
        self.wait_for_ends()
        self.person.flush()
        self.wait_until(self._projected, "the views are at the end")
        seen = oracle.read_all(
            self.settings,
            tool=PAY,
            ledger=self.ledger,
            poison=self.poison,
            may_be_uncertain=may_be_uncertain,
        )
        assert {raw.key for raw in seen.requests} >= {run.encode() for run in self.wanted}
        return oracle.violations(seen)

    def judged(self, before: Settings) -> list[str]:
        """Judge what was restored and went on; what was decided before stands in its topics."""
        self.person.flush()
        self.wait_until(self._projected, "the views are at the end")
        seen = oracle.read_all(self.settings, tool=PAY, ledger=self.ledger, may_be_uncertain=True)
        requests = oracle.read_topic(before, topics.REQUESTS)
        results = {raw.place: raw for raw in oracle.read_topic(before, topics.RESULTS)}
        results |= {raw.place: raw for raw in seen.results}
        # The new person repeats what the old one had said.
        seen = replace(seen, requests=requests, results=tuple(results.values()), late_inputs=True)
        return oracle.violations(seen)

    def _projected(self) -> bool:
        """Whether the views have the whole journal and every poison."""
        views = ("runs", "dead_letters")
        if not all(caught_up(self.settings, view) for view in views):
            return False
        return self.poison <= oracle.read_tables(self.settings).dead

    def close(self) -> None:
        """Kill what still runs."""
        for process in self.processes.values():
            process.process.kill()
            process.process.wait()
        self.person.close()


_PUBLISHES = """
import sys
from pathlib import Path
from runfold.stack.settings import Settings
from tests.system.crash.agent import definitions, publish_definitions
publish_definitions(Settings.from_env(), definitions(Path(sys.argv[1]), float(sys.argv[2])))
"""


def _published_by(root: Path, settings: Settings, folder: Path, seconds: float) -> None:
    """Have another release publish the definitions, so that it can read them."""
    environment = {**os.environ, **code_of(root), **settings.to_env()}
    subprocess.run(
        [sys.executable, "-c", _PUBLISHES, str(folder), str(seconds)],
        env={**environment, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
        cwd=root,
        timeout=120,
        check=True,
    )


@contextmanager
def product(
    settings: Settings,
    folder: Path,
    *,
    seconds: float = 0,
    env: Mapping[str, str] | None = None,
    root: Path = ROOT,
) -> Iterator[Product]:
    """A running product with the agent's definitions published; nothing of it outlives the block.

    ``seconds`` is how long a payment takes, and a second attempt in the pool; ``root`` is the
    checkout whose code the processes run.
    """
    if root == ROOT:
        publish_definitions(settings, definitions(folder, seconds))
    else:
        _published_by(root, settings, folder, seconds)
    running = Product(settings, folder, env or {}, root)
    try:
        yield running
    finally:
        running.close()
