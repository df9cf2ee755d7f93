"""Which runs are traced."""

from __future__ import annotations

import pytest

from runfold.infra.settings.config import ConfigError
from runfold.infra.tracing.context import TraceContext, parsed, traceparent_of_call
from runfold.infra.tracing.sampling import Sampler
from runfold.producers.identity import uuid7


def trace(sampled: bool = True) -> TraceContext:
    return TraceContext(int(uuid7().replace("-", ""), 16), 1, sampled)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9])
def test_a_ratio_takes_its_share_of_run_ids(ratio: float) -> None:
    taken = sum(Sampler(ratio).takes(trace()) for _ in range(4000))

    assert taken / 4000 == pytest.approx(ratio, abs=0.05)


def test_every_process_takes_the_same_runs() -> None:
    traces = [trace() for _ in range(500)]

    assert [Sampler(0.3).takes(t) for t in traces] == [Sampler(0.3).takes(t) for t in traces]
    # A larger share contains a smaller one.
    assert all(Sampler(0.6).takes(t) for t in traces if Sampler(0.3).takes(t))


@pytest.mark.parametrize(
    ("name", "argument", "taken", "taken_unsampled"),
    [
        ("", "", True, False),
        ("always_on", "", True, True),
        ("always_off", "", False, False),
        ("traceidratio", "1", True, True),
        ("traceidratio", "0", False, False),
        ("parentbased_traceidratio", "1.0", True, False),
        ("parentbased_always_off", "", False, False),
    ],
)
def test_the_standard_names_mean_what_they_say(
    name: str, argument: str, taken: bool, taken_unsampled: bool
) -> None:
    sampler = Sampler.from_env({"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument})

    assert sampler.takes(trace()) is taken
    assert sampler.takes(trace(sampled=False)) is taken_unsampled


@pytest.mark.parametrize("argument", ["1.5", "-0.1", "often", "nan"])
def test_a_share_that_is_none_is_refused(argument: str) -> None:
    env = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": argument}

    with pytest.raises(ConfigError, match="OTEL_TRACES_SAMPLER_ARG"):
        Sampler.from_env(env)


def test_a_sampler_that_is_not_known_is_refused() -> None:
    with pytest.raises(ConfigError, match="jaeger_remote"):
        Sampler.from_env({"OTEL_TRACES_SAMPLER": "jaeger_remote"})


@pytest.mark.parametrize("text", ["", "00-a-b-01", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "x"])
def test_what_is_no_traceparent_is_none(text: str) -> None:
    assert parsed(text) is None
    assert traceparent_of_call(text, "r.1", 1) == text


def test_what_a_call_sends_names_the_call_in_the_runs_trace() -> None:
    run = f"00-{'ab' * 16}-{'12' * 8}-01"
    first, second = (parsed(traceparent_of_call(run, "r.1", n)) for n in (1, 2))

    assert first is not None
    assert second is not None
    assert first.trace_id == second.trace_id == int("ab" * 16, 16)
    assert first.sampled
    assert len({first.span_id, second.span_id, int("12" * 8, 16)}) == 3
