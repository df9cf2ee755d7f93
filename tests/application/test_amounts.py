"""Limits and amounts as people give them: what the log cannot hold as it was said is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runfold.surfaces.application.errors import InvalidError
from runfold.surfaces.application.runs.asking.submit import limits_of, more_of

NO_NUMBERS = [Decimal("NaN"), Decimal("sNaN"), Decimal("-0"), 0, -1, float("nan"), float("inf"),
              Decimal("-Infinity")]  # fmt: skip
NO_AMOUNTS = [*NO_NUMBERS, Decimal("1E-30"), 1e-13, Decimal("0.1234567890123"), Decimal("1E+26"),
              Decimal("1E+999999999"), 1e300]  # fmt: skip
NOT_WRITTEN = ["much", "", " 5 ", "1e3", "1_000", "\u0663", "\uff11", "0x10", "1,5", "-1", "+1",
               "$1", "1.", ".5", "NaN", "9" * 27, "9" * 5000, "0.0000000000001"]  # fmt: skip


@pytest.mark.parametrize("said", [*NO_AMOUNTS, *NOT_WRITTEN], ids=lambda said: str(said)[:20])
def test_what_is_no_amount_is_refused_with_one_that_is(said: Any) -> None:
    with pytest.raises(InvalidError, match=r"more is an amount above zero, .* such as 0\.50"):
        more_of({"usd": said})


@pytest.mark.parametrize("said", NO_AMOUNTS, ids=str)
def test_what_is_no_limit_of_money_is_refused(said: Any) -> None:
    with pytest.raises(InvalidError, match=r"max_cost is .*: a limit is"):
        limits_of({"max_cost": said})


@pytest.mark.parametrize("said", [*NO_NUMBERS, 1e-9, 0.0009, 1e300, 10**12], ids=str)
def test_what_is_no_time_is_refused(said: Any) -> None:
    with pytest.raises(InvalidError, match=r"max_seconds is .*: a limit is"):
        limits_of({"max_seconds": said})


@pytest.mark.parametrize(
    "said", [0.1, 1e-7, 3, Decimal("1E+3"), "0.50", "000.000000000001", "9" * 26], ids=str
)
def test_an_amount_is_what_was_said(said: Any) -> None:
    assert more_of({"usd": said}) == {"usd": Decimal(str(said))}
    if not isinstance(said, str):
        found = limits_of({"max_cost": said})
        assert found is not None
        assert found.max_cost == Decimal(str(said))
