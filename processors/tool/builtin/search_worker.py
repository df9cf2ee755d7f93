"""Searches open files for a pattern: a program of its own, with nothing but the standard library.

Reads a job as JSON on standard input and writes the matches as JSON on standard output. The
system ends it when it needs more time or memory than it may have.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from collections import deque
from typing import Any

_CPU_S = 10
_MEMORY_BYTES = 512 * 1024 * 1024
_READ_BYTES = 10_000_000
_LINE_BYTES = 4000
_SHOWN_CHARS = 500
_FILE_BYTES = 256 * 1024 * 1024


class _Search:
    """The job, and what it found so far."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        flags = re.IGNORECASE if job["ignore_case"] else 0
        self._pattern = re.compile(job["pattern"], flags)
        self.matches: list[dict[str, Any]] = []
        self.count = 0
        self.lines = 0

    def file(self, name: str, handle: int) -> None:
        """Search one file from the line the job says."""
        around = self.job["context_lines"]
        before: deque[str] = deque(maxlen=around or None)
        waiting: list[dict[str, Any]] = []
        seen = 0
        with open(handle, "rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(_READ_BYTES), b""), start=1):
                seen += len(line)
                if number < self.job["start_line"]:
                    continue
                if seen > _FILE_BYTES:
                    break
                self.lines += 1
                text = line[:_LINE_BYTES].decode(errors="replace").rstrip("\r\n")
                for match in waiting:
                    match["after"].append(text[:_SHOWN_CHARS])
                waiting = [match for match in waiting if len(match["after"]) < around]
                if self._pattern.search(text):
                    self._found(name, number, text, list(before) if around else [], waiting)
                if around:
                    before.append(text[:_SHOWN_CHARS])

    def _found(
        self, name: str, number: int, text: str, before: list[str], waiting: list[dict[str, Any]]
    ) -> None:
        self.count += 1
        if len(self.matches) >= self.job["max_matches"]:
            return
        match: dict[str, Any] = {"path": name, "line": number, "text": text[:_SHOWN_CHARS]}
        if self.job["context_lines"]:
            match |= {"before": before, "after": []}
            waiting.append(match)
        self.matches.append(match)


def main() -> None:
    """Do the job on standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    os.nice(5)
    search = _Search(json.load(sys.stdin))
    for name, handle in search.job["files"]:
        search.file(name, handle)
    found = {
        "matches": search.matches,
        "count": search.count,
        "truncated": search.count > len(search.matches),
        "lines_searched": search.lines,
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
