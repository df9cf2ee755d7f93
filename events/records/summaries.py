"""What stream-table tools read of a run: one flat record, the newest of a run on top."""

from __future__ import annotations

from runfold.events.base import Millis, Money, Record


class RunSummary(Record):
    """Where a run stands, as lists show it, without a word of what was said in it.

    A record of a run replaces the one before: the one with the larger `seq` is newer, and of two
    with the same `seq` the later on the topic holds. Texts, counts and moments are plain types;
    what is not known is null. `status` and `exit_status` hold the words of the API, and may hold
    new ones. `cost_usd` is what is known of the cost, null where nothing is; `unpriced_calls`
    were left out. A record without a value says that the run's tenant was erased.
    """

    run_id: str
    tenant_id: str
    user_id: str
    agent: str
    agent_version: str | None
    model: str | None
    status: str
    seq: int
    created_at: Millis
    updated_at: Millis
    ended_at: Millis | None
    exit_status: str | None
    exit_code: int | None
    cost_usd: Money | None
    unpriced_calls: int
    model_calls: int
    tool_calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    feature: str | None
    thread_id: str | None
    parent_run_id: str | None
