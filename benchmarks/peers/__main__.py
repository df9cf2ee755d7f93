"""``make bench-peers``: every system by turns, medians and ranges, build/peers.json."""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence

from benchmarks.peers import turn
from benchmarks.peers.contract import System
from benchmarks.peers.profile import PROFILES, Profile
from benchmarks.peers.results import Results
from benchmarks.peers.show import show
from benchmarks.peers.systems import SYSTEMS


def main(arguments: Sequence[str]) -> int:
    """Measure; 0 when every system was measured or says why it could not be."""
    chosen = _parsed(arguments)
    # A connection a run in flight.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    profile = PROFILES[chosen.profile]
    rounds = chosen.rounds or profile.rounds
    systems = [system for system in SYSTEMS if not chosen.only or system.name in chosen.only]
    results = Results(profile.name, rounds)
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    for system in systems:
        tell(f"{system.title}: installing")
        with results.reason_of(system):
            system.install()
            results.describe(system)
    for number in range(1, rounds + 1):
        # Whoever comes first in one round comes last in the next but one: no place is a favour.
        for system in _rotated(results.measurable(systems), number):
            tell(f"round {number} of {rounds}: {system.title}")
            with results.reason_of(system):
                cases = _cases(profile, system, number)
                results.add(system, turn.take(system, cases, lambda t: tell(f"    {t}")))
    results.write(time.monotonic() - began)
    show(results.rows())
    return 0


def _cases(profile: Profile, system: System, number: int) -> Profile:
    return profile.within(system.scope).in_round(number)


def _rotated(systems: list[System], number: int) -> list[System]:
    at = (number - 1) % len(systems) if systems else 0
    return systems[at:] + systems[:at]


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=list(PROFILES), default="standard")
    parser.add_argument("--quick", action="store_const", const="quick", dest="profile")
    parser.add_argument("--full", action="store_const", const="full", dest="profile")
    parser.add_argument("--rounds", type=int, help="instead of the profile's")
    parser.add_argument("--only", nargs="+", choices=[system.name for system in SYSTEMS])
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
