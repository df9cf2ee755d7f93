"""Who may look into a home, and logs that grow in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runfold.stack.home import Home
from runfold.stack.processes.rotation import rotate


def test_what_runs_are_about_is_for_the_owner_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        # A server that runs as another user must get here, as `prepare` checks.
        if os.geteuid() == 0 and folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o001)
    home = Home(tmp_path / "home")
    home.prepare()
    (home.logs).chmod(0o755)
    home.prepare()
    for folder in (home.logs, home.run, home.kafka, home.postgres):
        assert folder.stat().st_mode & 0o777 == 0o700, folder
    assert home.root.stat().st_mode & 0o066 == 0


def test_a_log_is_put_aside_while_its_process_writes(tmp_path: Path) -> None:
    log = tmp_path / "runs.log"
    program = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    with log.open("ab") as out:
        writer = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=out, text=True
        )
    assert writer.stdin is not None

    def write(line: str) -> None:
        assert writer.stdin is not None
        before = log.stat().st_size
        writer.stdin.write(line)
        writer.stdin.flush()
        while log.stat().st_size == before:
            pass

    write("x" * 200 + "\n")
    (tmp_path / "kafka.log").write_text("y" * 500)
    rotate(tmp_path, most=1000)
    assert not (tmp_path / "runs.log.1").exists()
    rotate(tmp_path, most=100)
    write("later\n")
    writer.stdin.close()
    writer.wait()
    assert (tmp_path / "runs.log.1").read_text() == "x" * 200 + "\n"
    assert log.read_text() == "later\n"
    assert not (tmp_path / "kafka.log.1").exists()


def test_a_folder_that_is_not_there_stops_nobody(tmp_path: Path) -> None:
    rotate(tmp_path / "none")
