"""``make mutants``: every mistake of the list, put into a copy of the tree, must be caught.

First each trouble is made with the product as it is, which must hold: else a catch means nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.docs.given import ROOMS
from tests.system.torture.campaign import provoke
from tests.system.torture.faults.trouble import Trouble
from tests.system.torture.judgement.verdict import Verdict
from tests.system.torture.mutation.mutant import Mutant, mutate
from tests.system.torture.mutation.mutants import MUTANTS, TROUBLES
from tests.system.torture.round import ROOT
from tests.system.torture.servers.servers import Servers, servers

_COPIED = (*ROOMS, "schemas", "examples", "src", "tests")
_PACKED = shutil.ignore_patterns("__pycache__")

_TRIES = 3
"""How often a trouble is made for a mutant that is not caught."""


def copy_tree(target: Path) -> None:
    """Copy what the product's processes need."""
    for name in _COPIED:
        shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=_PACKED)
    shutil.copy(ROOT / "pyproject.toml", target)


def catch(mutants: Iterable[Mutant], troubles: Iterable[Trouble]) -> dict[str, list[str]]:
    """Return what each trouble found in the product as it is, and in each mutant."""
    caught: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="runfold-mutants-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        with servers(folder / "servers") as found:
            for number, trouble in enumerate(troubles):
                verdict = provoke(found, folder / f"whole{number}", trouble, ROOT)
                caught[f"as it is: {trouble.name}"] = verdict.violations
                _tell(trouble.name, verdict, meant=False)
            for number, mutant in enumerate(mutants):
                tree = folder / f"tree{number}"
                copy_tree(tree)
                mutate(tree, mutant)
                caught[mutant.name] = _tried(found, folder / f"mutant{number}", mutant, tree)
                shutil.rmtree(tree)
    return caught


def _tried(found: Servers, folder: Path, mutant: Mutant, tree: Path) -> list[str]:
    """Return what was found in a mutant; where a mistake strikes at all is a matter of chance."""
    violations: list[str] = []
    for number in range(1, _TRIES + 1):
        again = "" if number == 1 else f", try {number}"
        # Another name is another seed.
        trouble = replace(mutant.trouble, name=f"{mutant.trouble.name}{again}")
        verdict = provoke(found, folder.with_name(f"{folder.name}-{number}"), trouble, tree)
        _tell(f"{mutant.name}{again}", verdict, meant=True)
        violations = verdict.violations
        if violations:
            break
    return violations


def _tell(name: str, verdict: Verdict, *, meant: bool) -> None:
    found = verdict.violations
    word = ("caught" if found else "NOT CAUGHT") if meant else ("BROKEN" if found else "holds")
    print(f"{word:>10}  {name}: {len(found)} violations", flush=True)
    for said in found[: 1 if meant else 10]:
        print(f"            {said}", flush=True)


def main(arguments: list[str]) -> int:
    """Try the mutants; 0 if every one was caught and the product itself held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name has this text")
    parser.add_argument("--whole", default="all", help="troubles for the product: all, none, name")
    chosen = parser.parse_args(arguments)
    mutants = [mutant for mutant in MUTANTS if chosen.only in mutant.name]
    troubles = [one for one in TROUBLES if chosen.whole == "all" or chosen.whole in one.name]
    caught = catch(mutants, troubles)
    target = Path("build/mutants.json")
    if target.exists() and (chosen.only or chosen.whole != "all"):
        # What was not tried now stands as it was found before.
        mutants = list(MUTANTS)
        wanted = {*(m.name for m in mutants), *(f"as it is: {t.name}" for t in TROUBLES)}
        before = json.loads(target.read_text())["found"]
        caught = {name: said for name, said in before.items() if name in wanted} | caught
    missed = [mutant.name for mutant in mutants if not caught.get(mutant.name)]
    broken = [name for name in caught if name.startswith("as it is") and caught[name]]
    print(f"{len(mutants) - len(missed)} of {len(mutants)} mutants caught")
    summary = {
        "mutants": len(mutants),
        "mutants_caught": len(mutants) - len(missed),
        "missed": missed,
        "held": not broken,
        "found": caught,
    }
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(summary, indent=2) + "\n")
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
