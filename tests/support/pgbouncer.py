"""A real pgbouncer, where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from runfold.stack import ports
from tests.support.stack import wait_until

FOUND = shutil.which(
    "pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
)
"""The program, None where it is not installed."""

MISSING = "no pgbouncer here: `apt-get install pgbouncer`, or have it in PATH"


@contextmanager
def pgbouncer(url: str, folder: Path) -> Iterator[str]:
    """A real pgbouncer in transaction mode in front of a database; its address."""
    port = ports.claim(folder / "ports.json", ("pgbouncer",))["pgbouncer"]
    parts = urlsplit(url)
    (folder / "users.txt").write_text(f'"{parts.username}" "{parts.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}"
        f" user={parts.username} password={parts.password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n"
        f"auth_file = {folder}/users.txt\npool_mode = transaction\ndefault_pool_size = 4\n"
        f"server_reset_query =\nunix_socket_dir =\nlogfile = {folder}/pgbouncer.log\n"
    )
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    (folder / "pgbouncer.log").touch()
    (folder / "pgbouncer.log").chmod(0o666)
    assert FOUND is not None
    process = subprocess.Popen([FOUND, "-q", "-u", "nobody", str(folder / "pgbouncer.ini")])
    there = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}", query="").geturl()

    def answers() -> bool:
        try:
            psycopg.connect(there, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        wait_until(answers)
        yield there
    finally:
        process.terminate()
        process.wait()
