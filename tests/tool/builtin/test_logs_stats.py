"""What logs.stats finds in logs of several forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runfold.processors.tool.builtin.log_lines import level_of, template_of, time_of
from tests.tool.given import Bench, builtin, said

BROKER = """\
[2026-11-21 05:14:01,100] INFO [BrokerServer id=1] Starting (kafka.server.BrokerServer)
[2026-11-21 05:14:02,200] WARN Connection to node 17 failed (org.apache.kafka.NetworkClient)
[2026-11-21 05:14:03,300] WARN Connection to node 4 failed (org.apache.kafka.NetworkClient)
[2026-11-21 05:15:04,400] ERROR Disk error on /data/0001 (kafka.log.LogManager)
java.io.IOException: No space left on device
\tat kafka.log.LogManager.write(LogManager.scala:17)
[2026-11-21 06:15:05,500] INFO Stopped (kafka.server.BrokerServer)
"""


def _stats(root: Path, text: str, **more: object) -> Any:
    (root / "x.log").write_text(text)
    return said(Bench(builtin("logs.stats", root=str(root))).call({"path": "x.log", **more}))


def test_the_numbers_of_a_broker_s_log(tmp_path: Path) -> None:
    found = _stats(tmp_path, BROKER)
    assert (found["lines"], found["bytes"], found["truncated"]) == (7, len(BROKER), False)
    assert found["levels"] == {"INFO": 2, "WARN": 2, "ERROR": 1}
    assert (found["errors"], found["warnings"]) == (1, 2)
    assert found["first_time"] == "2026-11-21T05:14:01"
    assert found["last_time"] == "2026-11-21T06:15:05"
    assert found["hours"] == [
        {"hour": "2026-11-21T05", "lines": 4, "errors": 1},
        {"hour": "2026-11-21T06", "lines": 1, "errors": 0},
    ]


def test_like_messages_count_together_and_the_gravest_comes_first(tmp_path: Path) -> None:
    found = _stats(tmp_path, BROKER)
    shown = [(kind["level"], kind["count"], kind["first_line"]) for kind in found["problems"]]
    assert shown == [("ERROR", 1, 4), ("WARN", 2, 2)]
    assert "Connection to node # failed" in found["problems"][1]["template"]
    assert found["look_at"] == {"start_line": 1, "end_line": 19}
    assert (found["first_problem_line"], found["last_problem_line"]) == (2, 4)


def test_the_summary_holds_the_findings(tmp_path: Path) -> None:
    summary = _stats(tmp_path, BROKER)["summary_markdown"]
    assert "2 INFO, 2 WARN, 1 ERROR" in summary
    assert "Disk error on /data/0001" in summary


def test_errors_close_together_are_a_burst(tmp_path: Path) -> None:
    def line(minute: int, second: int) -> str:
        return f"2026-01-01T00:{minute:02}:{second:02}Z ERROR boom {minute}\n"

    text = line(0, 0) + "".join(line(10, n) for n in range(7)) + line(20, 0)
    (burst,) = _stats(tmp_path, text)["bursts"]
    assert (burst["count"], burst["first_line"]) == (7, 2)
    assert (burst["start"], burst["end"]) == ("2026-01-01T00:10:00", "2026-01-01T00:10:06")


@pytest.mark.parametrize("text", ["", "\n\n", "just words\n", "INFO all is well\n"])
def test_a_log_without_problems_says_so(tmp_path: Path, text: str) -> None:
    found = _stats(tmp_path, text)
    assert (found["problems"], found["bursts"], found["errors"]) == ([], [], 0)
    assert "No warnings and no errors." in found["summary_markdown"]
    assert found["look_at"]["start_line"] >= 1


def test_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"ERROR \xff\xfe\x00 broken\n" * 3)
    bench = Bench(builtin("logs.stats", root=str(tmp_path)))
    assert said(bench.call({"path": "x.log"}))["errors"] == 3


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2026-01-01 00:00:00 WARNING late", "WARN"),
        ("time=now level=error msg=late", "ERROR"),
        ('{"level":"fatal","msg":"late"}', "FATAL"),
        ("Jan  1 00:00:00 host app[1]: [crit] late", "FATAL"),
        ("error: late", "ERROR"),
        ("no error was found", None),
        ("\tat java.lang.Error.late(Error.java)", None),
    ],
)
def test_levels_are_found_where_logs_put_them(line: str, level: str | None) -> None:
    assert level_of(line) == level


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("[2026-11-21 05:14:01,100] INFO", "2026-11-21T05:14:01"),
        ("2026-11-21T05:14:01.5Z INFO", "2026-11-21T05:14:01"),
        ('10.0.0.1 - - [21/Nov/2026:05:14:01 +0000] "GET /"', "2026-11-21T05:14:01"),
        ("INFO without a time", None),
    ],
)
def test_times_are_found_where_logs_put_them(line: str, at: str | None) -> None:
    assert time_of(line) == at


def test_what_varies_is_no_part_of_a_template() -> None:
    first = "[2026-01-01 00:00:00,1] ERROR run 0192f3a4-7b3c-7000-8000-0123456789ab took 15 ms"
    second = "[2027-12-31 23:59:59,999] ERROR run 0192ffff-7b3c-7fff-8aaa-0123456789ff took 7 ms"
    assert template_of(first) == template_of(second)
