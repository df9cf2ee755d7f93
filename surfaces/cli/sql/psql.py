"""psql in the place of the small shell, given a login that only reads and no password to show."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runfold.stack.errors import StackError
from runfold.stack.home import Home
from runfold.stack.postgres.binaries import find
from runfold.surfaces.cli import exits
from runfold.surfaces.cli.sql.access import Access


def psql(home: Path) -> str | None:
    """Return the psql of this machine, or of the embedded Postgres; None where there is none."""
    if (found := shutil.which("psql")) is not None:
        return found
    try:
        beside = find(Home(home)) / "psql"
    except (StackError, OSError):
        return None
    return str(beside) if beside.exists() else None


def run_psql(program: str, how: Access) -> int:
    """Let psql talk with the terminal, and return whether it ended well."""
    given = {name: str(value) for name, value in conninfo_to_dict(how.url).items()}
    env = dict(os.environ)
    # Arguments are shown to every user of the machine.
    env["PGPASSWORD"] = given.pop("password", env.get("PGPASSWORD", ""))
    if not how.alone:
        only_reads = f"-c default_transaction_read_only=on -c search_path={how.schema}"
        given["options"] = only_reads
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # An interrupt is for its statement, not for it.
        done = subprocess.run(
            [program, make_conninfo("", **given)],
            env=env,
            check=False,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    return exits.OK if done.returncode == 0 else exits.NO
