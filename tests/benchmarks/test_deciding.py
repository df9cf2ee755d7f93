"""What the benchmark of decisions counts, and that its digest stands for all that is written."""

from __future__ import annotations

from benchmarks.single.deciding import Lane


def test_every_event_of_every_run_is_counted() -> None:
    one, three = Lane().round(1), Lane().round(3)

    assert one.events == 52
    assert three.events == 3 * one.events
    assert one.seconds > 0


def test_the_digest_is_that_of_what_is_written() -> None:
    first, again, other = Lane().round(1), Lane().round(1), Lane().round(2)

    assert first.sha256.digest() == again.sha256.digest()
    assert first.sha256.digest() != other.sha256.digest()
