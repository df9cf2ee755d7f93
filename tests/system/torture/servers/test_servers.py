"""The servers under torture do what the faults need of them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.support.stack import temporary_home
from tests.system.torture.servers.disk import mount
from tests.system.torture.servers.servers import servers
from tests.system.torture.servers.standby import either


def test_a_full_disk_takes_nothing_until_there_is_room_again(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    disks, why = mount(folder)
    if not disks:
        pytest.skip(f"no disk can be mounted: {why}")
    disk = disks[folder]
    try:
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (folder / "file").write_bytes(b"x" * 10_000)
        disk.free()
        (folder / "file").write_bytes(b"x" * 10_000)
    finally:
        disk.unmount()
    # Nobody else has seen it.
    assert not (folder / "file").exists()


def test_an_address_of_either_names_both_hosts() -> None:
    found = either("postgresql://me:secret@one:1/db", "postgresql://me:secret@two:2/db")
    assert found == "postgresql://me:secret@one:1,two:2/db?target_session_attrs=read-write"


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_promoted_standby_has_what_was_acknowledged() -> None:
    with temporary_home() as home, servers(home / "servers", standby=True) as found:
        url, rows = found.settings.database_url, 200
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE public.told (number int)")
            for number in range(rows):
                connection.execute("INSERT INTO public.told VALUES (%s)", (number,))
            found.lose()
        found.promote()
        with psycopg.connect(url, autocommit=True) as connection:
            assert connection.execute("SELECT count(*) FROM public.told").fetchone() == (rows,)
            connection.execute("INSERT INTO public.told VALUES (-1)")
