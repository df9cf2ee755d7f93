"""What is counted of model calls beside their events."""

from __future__ import annotations

from runfold.infra.metrics.table import TABLE

PIECES = TABLE.counter(
    "runfold_model_deltas",
    "pieces of answers that models said while they answered: `sent`, or `dropped` because they "
    "came faster than they went, or Kafka did not take them",
    ["kind"],
    process="run processor, model pool",
)
