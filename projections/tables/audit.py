"""What an auditor asks: is the chain whole, who permitted what, what could not be used."""

from __future__ import annotations

from sqlalchemy import Index, Table
from sqlalchemy import text as literal

from runfold.events.base import GENESIS
from runfold.projections.tables.base import (
    ADD,
    CARRIED,
    KEEP,
    METADATA,
    ROOM_TO_CHANGE,
    document,
    flag,
    moment,
    small,
    text,
    whole,
)

_JOINS = "(new.first_seq = old.last_seq + 1 and new.first_prev_hash = old.last_hash)"
_BEGINS = f"(new.first_seq = 1 and new.first_prev_hash = '{GENESIS.hex()}')"

audit = Table(
    "audit",
    METADATA,
    text("run_id", "the run", key=True),
    text("tenant_id", "whose run it is", null=False, merge=KEEP),
    whole("events", "events in its history", null=False, merge=ADD),
    whole("last_seq", "the number of the last one", null=False),
    text("last_hash", "sha256 of the last one's bytes, hexadecimal", null=False),
    flag(
        "chain_ok",
        "whether every event follows its predecessor: seq without a gap, hash as recorded",
        merge=f"old.chain_ok and new.chain_ok and {_JOINS}",
        initial=f"new.chain_ok and {_BEGINS}",
    ),
    whole(
        "broken_at",
        "the first event that does not follow its predecessor",
        merge=f"coalesce(old.broken_at, case when not {_JOINS} then new.first_seq end, "
        "new.broken_at)",
        initial=f"coalesce(case when not {_BEGINS} then new.first_seq end, new.broken_at)",
    ),
    whole("permits", "policy decisions that permitted", null=False, merge=ADD),
    whole("forbids", "policy decisions that forbade", null=False, merge=ADD),
    whole("starts", "tool calls handed out, repeats included", null=False, merge=ADD),
    moment("updated_at", "when the last event was written", null=False),
    Index("audit_broken", "run_id", postgresql_where=literal("not chain_ok")),
    comment="One row a run: its chain of events, verified as it is written.",
    info={CARRIED: {"first_seq": "bigint", "first_prev_hash": "text"}},
    postgresql_with=ROOM_TO_CHANGE,
)

policy_decisions = Table(
    "policy_decisions",
    METADATA,
    text("run_id", "the run", key=True),
    whole("seq", "the event that decided", key=True),
    text("tenant_id", "whose run it is", null=False),
    text("call_id", "the call it is about; null where it is about the run"),
    text("effect", "permit or forbid", null=False),
    text("principal", "who wanted to act", null=False),
    text("action", "what they wanted to do", null=False),
    text("resource", "to what", null=False),
    text("reason", "why", null=False),
    document("policy_ids_json", "the policies that determined it", null=False),
    text("policy_digest", "sha256 of the policies in force, hexadecimal", null=False),
    document("obligations_json", "what the permit is bound to", null=False),
    moment("time", "when it was decided", null=False),
    Index("policy_decisions_by_effect", "tenant_id", "effect", "time"),
    comment="Every policy decision, before the action it is about; append-only.",
)

dead_letters = Table(
    "dead_letters",
    METADATA,
    text("topic", "where the record was found", key=True),
    whole("record_partition", "its partition there", key=True),
    whole("record_offset", "its offset there", key=True),
    moment("time", "when it was set aside", null=False, merge=KEEP),
    text("found_by", "engine, or projection for a record of the journal", null=False, merge=KEEP),
    text("code", "why, for programs", null=False, merge=KEEP),
    text("reason", "why, for people", null=False, merge=KEEP),
    whole("size", "bytes of its value", null=False, merge=KEEP),
    text("key", "its key, where that is text", merge=KEEP),
    text("value_base64", "the beginning of its value", merge=KEEP),
    document("headers_json", "its headers, base64", merge=KEEP),
    small("letter_partition", "its partition of dead.letters", merge=KEEP),
    whole("letter_offset", "its offset there, where the whole of it is", merge=KEEP),
    Index("dead_letters_by_time", "time"),
    comment="Records that could not be used, each once.",
)
