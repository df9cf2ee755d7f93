"""logs.stats: what a log file is about, in one pass over it.

Lines without a level of their own, such as a stack trace's, belong to the message above them.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runfold.processors.tool.builtin.confine import file_beneath, root_of
from runfold.processors.tool.builtin.contracts import PATH, contract, number
from runfold.processors.tool.builtin.log_lines import (
    ERRORS,
    LEVELS,
    PROBLEMS,
    level_of,
    seconds_between,
    template_of,
    time_of,
)
from runfold.processors.tool.builtin.log_summary import markdown
from runfold.processors.tool.context import ToolContext

_MOST_TEMPLATES = 5000
_TIME_LIMIT_S = 20.0
_LINE_BYTES = 100_000
_SHOWN_CHARS = 300
_BURST_GAP_S = 60
_BURST_LEAST = 5
_SHOWN_HOURS = 48

CONTRACT = contract(
    "logs.stats",
    "Summarise a log file: lines per level and per hour, the most frequent messages and problems "
    "with their first line, bursts of errors, first and last time.",
    {
        "path": PATH,
        "top": number("How many messages to return", 1, 50, 10),
    },
)


@dataclass(slots=True)
class _Kind:
    """Lines of one template."""

    level: str
    first_line: int
    example: str
    count: int = 0


@dataclass(slots=True)
class _Burst:
    """Errors that follow each other closely."""

    start: str
    end: str
    first_line: int
    example: str
    count: int = 0


@dataclass(slots=True)
class _Stats:
    """What was seen so far."""

    lines: int = 0
    first_time: str | None = None
    last_time: str | None = None
    levels: Counter[str] = field(default_factory=Counter)
    hours: dict[str, list[int]] = field(default_factory=dict)
    kinds: dict[str, _Kind] = field(default_factory=dict)
    bursts: list[_Burst] = field(default_factory=list)
    first_problem_line: int | None = None
    last_problem_line: int | None = None

    def add(self, line: str) -> None:
        """Take one more line into account."""
        self.lines += 1
        level = level_of(line)
        if level is None:
            return
        at = time_of(line)
        self.levels[level] += 1
        if at is not None:
            self.first_time = self.first_time or at
            self.last_time = at
            hour = self.hours.setdefault(at[:13], [0, 0])
            hour[0] += 1
            hour[1] += level in ERRORS
        self._count(level, line)
        if level in PROBLEMS:
            self.first_problem_line = self.first_problem_line or self.lines
            self.last_problem_line = self.lines
        if level in ERRORS and at is not None:
            self._burst(at, line)

    def _count(self, level: str, line: str) -> None:
        template = template_of(line)
        kind = self.kinds.get(template)
        if kind is None:
            if len(self.kinds) >= _MOST_TEMPLATES:
                return
            kind = self.kinds[template] = _Kind(level, self.lines, line[:_SHOWN_CHARS])
        kind.count += 1

    def _burst(self, at: str, line: str) -> None:
        last = self.bursts[-1] if self.bursts else None
        if last is None or not 0 <= seconds_between(last.end, at) <= _BURST_GAP_S:
            if last is not None and last.count < _BURST_LEAST:
                self.bursts.pop()
            last = _Burst(at, at, self.lines, line[:_SHOWN_CHARS])
            self.bursts.append(last)
        last.end = at
        last.count += 1


def run(arguments: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
    """Return the statistics; ``truncated`` says that time ran out before the end of the file."""
    path, top = arguments["path"], int(arguments.get("top", 10))
    stats, due = _Stats(), time.monotonic() + _TIME_LIMIT_S
    with file_beneath(root_of(context), path) as handle, open(handle, "rb", closefd=False) as file:
        size = os.fstat(handle).st_size
        truncated = False
        for line in iter(lambda: file.readline(_LINE_BYTES), b""):
            stats.add(line[:2000].decode(errors="replace").rstrip())
            if stats.lines % 10_000 == 0 and time.monotonic() > due:
                truncated = True
                break
    found = _told(stats, top) | {"file": path, "bytes": size, "truncated": truncated}
    return found | {"summary_markdown": markdown(found)}


def _told(stats: _Stats, top: int) -> dict[str, Any]:
    kinds = sorted(stats.kinds.items(), key=lambda item: (-item[1].count, item[1].first_line))
    problems = [item for item in kinds if item[1].level in PROBLEMS]
    problems.sort(key=lambda item: (-LEVELS.index(item[1].level), -item[1].count))
    bursts = sorted(
        (burst for burst in stats.bursts if burst.count >= _BURST_LEAST),
        key=lambda burst: -burst.count,
    )
    look_at = problems[0][1].first_line if problems else max(1, stats.lines - 10)
    return {
        "lines": stats.lines,
        "first_time": stats.first_time,
        "last_time": stats.last_time,
        "levels": {level: stats.levels[level] for level in LEVELS if stats.levels[level]},
        "errors": stats.levels["ERROR"] + stats.levels["FATAL"],
        "warnings": stats.levels["WARN"],
        "problem_kinds": len(problems),
        "hours": [
            {"hour": hour, "lines": lines, "errors": errors}
            for hour, (lines, errors) in sorted(stats.hours.items())[-_SHOWN_HOURS:]
        ],
        "top": [_shown(template, kind) for template, kind in kinds[:top]],
        "problems": [_shown(template, kind) for template, kind in problems[:top]],
        "bursts": [
            {
                "start": burst.start,
                "end": burst.end,
                "count": burst.count,
                "first_line": burst.first_line,
                "example": burst.example,
            }
            for burst in bursts[:10]
        ],
        "first_problem_line": stats.first_problem_line,
        "last_problem_line": stats.last_problem_line,
        "look_at": {"start_line": max(1, look_at - 5), "end_line": look_at + 15},
    }


def _shown(template: str, kind: _Kind) -> dict[str, Any]:
    return {
        "template": template,
        "level": kind.level,
        "count": kind.count,
        "first_line": kind.first_line,
        "example": kind.example,
    }
