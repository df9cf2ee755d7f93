"""Worker processes that get their runs as lines of JSON; all of them share the runs."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import Done
from benchmarks.peers.errors import NotMeasuredError
from benchmarks.peers.support.environment import PYTHON, ROOT

_READY_S = 120.0
_PATIENCE_S = 900.0


class Workers:
    """So many processes of one module; ``environment`` is what they are told at their start."""

    def __init__(self, module: str, size: int, environment: Mapping[str, str], logs: Path) -> None:
        self._module = module
        self._size = size
        self._environment = environment
        self._logs = logs
        self._heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._open: dict[str, None] = {}
        self._command: dict[str, Any] = {}
        self._killed: set[int] = set()
        self._turn = threading.Lock()

    def start(self) -> None:
        """Start them, wait until all are ready, and let them go on with what was under way."""
        ready = [threading.Event() for _ in range(self._size)]
        self._processes = [self._spawn(number, ready[number]) for number in range(self._size)]
        until = time.monotonic() + _READY_S
        for event, process in zip(ready, self._processes, strict=True):
            while not event.wait(0.1):
                if process.poll() is not None or time.monotonic() > until:
                    raise NotMeasuredError(f"{self._module} did not start: {self._why()}")
        with self._turn:
            if self._open:
                self._send(list(self._open), again=True)

    def run(self, run_ids: Sequence[str], at_once: int, goal: str) -> Done:
        """Have the runs made and return when all have ended."""
        took: dict[str, float] = {}
        began = time.perf_counter()
        with self._turn:
            self._open = dict.fromkeys(run_ids)
            self._command = {"goal": goal, "at_once": at_once}
            self._send(run_ids, again=False)
        while self._open:
            try:
                said = self._heard.get(timeout=_PATIENCE_S)
            except queue.Empty:
                raise NotMeasuredError(f"{len(self._open)} runs did not end") from None
            if "failed" in said:
                raise NotMeasuredError(f"a run failed: {said['why']}")
            with self._turn:
                if said["done"] in self._open:
                    del self._open[said["done"]]
                    took[said["done"]] = said["s"]
        return Done(tuple(run_ids), time.perf_counter() - began, tuple(took.values()))

    def kill(self) -> None:
        """Send SIGKILL to each, and forget what was on its way."""
        self._killed.update(self.pids())
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
        for process in self._processes:
            process.wait()

    def stop(self) -> None:
        """End them; what they had under way is lost."""
        self.kill()
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()

    def pids(self) -> list[int]:
        """Return the processes."""
        return [process.pid for process in self._processes]

    def _send(self, run_ids: Sequence[str], *, again: bool) -> None:
        size = min(self._size, len(run_ids), self._command["at_once"])
        for number, process in enumerate(self._processes[:size]):
            share = run_ids[number::size]
            at_once = max(1, self._command["at_once"] // size)
            command = {**self._command, "runs": share, "at_once": at_once, "again": again}
            assert process.stdin is not None
            process.stdin.write(json.dumps(command).encode() + b"\n")
            process.stdin.flush()

    def _spawn(self, number: int, ready: threading.Event) -> subprocess.Popen[bytes]:
        own = {"PYTHONPATH": str(ROOT), "RUNFOLD_BENCH_WORKER": f"worker-{number}"}
        with (self._logs / f"{self._module}-{number}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(PYTHON), "-m", f"benchmarks.peers.{self._module}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._environment, **own},
                cwd=ROOT,
            )
        threading.Thread(target=self._listen, args=(process, ready), daemon=True).start()
        return process

    def _listen(self, process: subprocess.Popen[bytes], ready: threading.Event) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            # A library may write there too.
            if not line.startswith(b"{"):
                continue
            said = json.loads(line)
            if "ready" in said:
                ready.set()
            else:
                self._heard.put(said)
        if process.pid not in self._killed:
            self._heard.put({"failed": "", "why": f"{self._module} ended: {self._why()}"})

    def _why(self) -> str:
        logs = sorted(self._logs.glob(f"{self._module}-*.log"))
        said = [line for log in logs for line in log.read_text().splitlines() if line.strip()]
        return (said or ["it did not say why"])[-1][:300]
