"""How long runs stood still after the process that ran them had died."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

from tests.system.torture.faults.plan import RUNS
from tests.system.torture.game import Left
from tests.system.torture.judgement.scan import Scanned

_ASKED_S = 0.4
"""A partition counts where something came for it so soon after the death."""

_LONGEST_S = 60.0


def recoveries(
    left: Left, records: dict[str, list[Scanned]], events: list[Scanned], ownership: str
) -> dict[str, list[float]]:
    """Seconds from a death to the first event afterwards, on the partition that waited longest.

    By kind of death; deaths in a row and those while servers were disturbed are left out, because
    they would be timed for something else.
    """
    inputs = _times([one for found in records.values() for one in found])
    written = _times(events)
    deaths = [death for death in left.keeper.deaths if death.name == RUNS]
    found: dict[str, list[float]] = defaultdict(list)
    for number, death in enumerate(deaths):
        waits = [
            wait
            for partition in written
            if (wait := _wait(inputs.get(partition, []), written[partition], death.at)) is not None
        ]
        if not waits or max(waits) > _LONGEST_S or death.at > left.faults_ended:
            continue
        back = death.at + max(waits)
        again = number + 1 < len(deaths) and deaths[number + 1].at <= back
        disturbed = any(
            begin - 1 <= back and death.at <= end for begin, end in left.injector.disturbed
        )
        if not again and not disturbed:
            found[f"{ownership}: {death.cause}"].append(round(max(waits), 3))
    return dict(found)


def _times(records: list[Scanned]) -> dict[int, list[float]]:
    times: dict[int, list[float]] = defaultdict(list)
    for one in records:
        times[one.place.partition].append(one.at)
    return {partition: sorted(found) for partition, found in times.items()}


def _wait(inputs: list[float], events: list[float], at: float) -> float | None:
    asked, written = bisect_left(inputs, at), bisect_left(events, at)
    if asked == len(inputs) or written == len(events) or inputs[asked] - at > _ASKED_S:
        return None
    return events[written] - at


def percentile(values: list[float], percent: float) -> float:
    """The value that so many percent do not exceed; 0 for none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]
