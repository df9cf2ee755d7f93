"""``up --watch``: while code and manifests are being written, what has changed is used at once."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from runfold.surfaces.cli import output

if TYPE_CHECKING:
    from runfold.surfaces.cli.context import Context

_LOOK_S = 0.5
_NOT_CODE = frozenset({"__pycache__", ".git", ".venv", "node_modules", "site-packages"})

Stamps = Mapping[Path, tuple[int, int]]
"""When each file was written, and how large it is."""


class Changes:
    """Tells, at each look, which files have changed, once whoever writes them has paused.

    ``files`` is asked at each look: files come and go. An editor or a checkout writes several
    files one after another, so nothing is told while the next look still finds a difference.
    """

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._told = self._seen = stamps(files())

    def look(self) -> tuple[Path, ...]:
        """Return the files that differ from what was told before, none while they still change."""
        now = stamps(self._files())
        settled, self._seen = now == self._seen, now
        if not settled or now == self._told:
            return ()
        before, self._told = self._told, now
        return tuple(sorted(path for path in {*before, *now} if before.get(path) != now.get(path)))


def stamps(files: Iterable[Path]) -> Stamps:
    """Return the stamps of the files that are there."""
    found = {}
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            continue
        found[path] = stat.st_mtime_ns, stat.st_size
    return found


def code_files(modules: Sequence[str], folder: Path) -> Iterator[Path]:
    """Yield the Python files of modules, found as a process in ``folder`` would, not imported."""
    places = [str(folder), *(each or os.getcwd() for each in sys.path)]  # noqa: PTH109
    PathFinder.invalidate_caches()
    for name in sorted({module.partition(".")[0] for module in modules}):
        spec = PathFinder.find_spec(name, places)
        if spec is None:
            continue
        for place in spec.submodule_search_locations or ():
            yield from _below(Path(place), ".py")
        if not spec.submodule_search_locations and spec.origin:
            yield Path(spec.origin)


def manifest_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the manifests among files and folders."""
    from runfold.surfaces.manifests.files import SUFFIXES

    for path in paths:
        yield from (_below(path, *SUFFIXES) if path.is_dir() else (path,))


def _below(folder: Path, *suffixes: str) -> Iterator[Path]:
    for at, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - _NOT_CODE)
        yield from (Path(at, name) for name in files if name.endswith(suffixes))


def watch(context: Context, manifests: Sequence[Path]) -> None:
    """Restart the tool pool when its modules change, publish manifests that do; until Ctrl-C."""
    from runfold.infra.settings.declared.variables import TOOL_MODULES

    said, modules, here = output.console(), TOOL_MODULES.read(), Path.cwd()
    code = Changes(lambda: code_files(modules, here))
    declared = Changes(lambda: manifest_files(manifests))
    names = ", ".join([*modules, *map(str, manifests)]) or "nothing: RUNFOLD_TOOL_MODULES is empty"
    said.print(f"Watching {names}. Ctrl-C ends that; the stack stays up.", markup=False)
    try:
        while True:
            time.sleep(_LOOK_S)
            if found := declared.look():
                _changed(found, lambda: _publish(context, manifests))
            if found := code.look():
                _changed(found, lambda: _restart(context))
    except KeyboardInterrupt:
        said.print("The stack stays up; `runfold down` ends it.")


def _changed(files: Sequence[Path], act: Callable[[], None]) -> None:
    """Act on a change; whatever goes wrong is one sentence, and the next change may mend it."""
    from runfold.surfaces.cli.faults import explained

    said = output.console()
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    said.print(f"{files[0].name}{more} changed", markup=False)
    try:
        act()
    except Exception as error:  # noqa: BLE001 - half-written files may do anything
        said.print(explained(error)[0], markup=False)


def _restart(context: Context) -> None:
    """Restart the tool pool, and what else could not import a module as it was before."""
    from runfold.stack import control
    from runfold.stack.tool_modules import tool_modules
    from runfold.surfaces.cli.operations.stack.restarting import Restart

    known = control.status(context.settings)
    faulty = tool_modules(known).faulty if known is not None else ()
    parts = dict.fromkeys(["tools", *(part for each in faulty for part in each.parts)])
    Restart(context.settings).run(list(parts))


def _publish(context: Context, manifests: Sequence[Path]) -> None:
    from runfold.surfaces.cli.commands.definitions import show_report
    from runfold.surfaces.cli.publishing import apply_manifests

    show_report(*apply_manifests(context, manifests, "me"))
