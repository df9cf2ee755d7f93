"""The blueprint's own tables, as views: its columns, its types, what it says must be unique."""

from __future__ import annotations

import psycopg
import pytest

from runfold.stack.settings import Settings
from tests.projections.running import ask, projector, wait_caught_up
from tests.support import journal
from tests.support.builders.seeded import history

pytestmark = pytest.mark.integration

# X15: the statements of the blueprint, section 4.2, as they stand there.
BLUEPRINT = """
CREATE TABLE agent_runs (
  run_id              TEXT PRIMARY KEY,
  tenant_id           TEXT NOT NULL,
  user_id             TEXT NOT NULL,
  status              TEXT NOT NULL,
  goal                TEXT NOT NULL,
  current_step        INTEGER NOT NULL DEFAULT 0,
  latest_checkpoint_id TEXT,
  created_at          TIMESTAMP NOT NULL,
  updated_at          TIMESTAMP NOT NULL,
  cancelled_at        TIMESTAMP,
  completed_at        TIMESTAMP
);
CREATE TABLE agent_checkpoints (
  checkpoint_id       TEXT PRIMARY KEY,
  run_id              TEXT NOT NULL,
  step_number         INTEGER NOT NULL,
  state_json          JSONB NOT NULL,
  pending_action_json JSONB,
  model_call_json     JSONB,
  tool_call_json      JSONB,
  tool_result_json    JSONB,
  state_hash          TEXT NOT NULL,
  created_at          TIMESTAMP NOT NULL,

  UNIQUE(run_id, step_number)
);
CREATE TABLE tool_invocations (
  tool_call_id        TEXT PRIMARY KEY,
  run_id              TEXT NOT NULL,
  checkpoint_id       TEXT NOT NULL,
  tool_name           TEXT NOT NULL,
  arguments_json      JSONB NOT NULL,
  status              TEXT NOT NULL,
  idempotency_key     TEXT NOT NULL,
  approval_status     TEXT,
  started_at          TIMESTAMP,
  completed_at        TIMESTAMP,
  error_json          JSONB,
  result_json         JSONB,

  UNIQUE(tool_name, idempotency_key)
);
"""
NAMES = ("agent_runs", "agent_checkpoints", "tool_invocations")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A database with fifteen runs, some ended and some not, and the blueprint's tables beside."""
    journal.write(settings.bootstrap_servers, [history(number) for number in range(15)])
    with projector(settings):
        wait_caught_up(settings)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA blueprint")
        connection.execute("SET search_path = blueprint")
        connection.execute(BLUEPRINT)
    return settings


@pytest.mark.parametrize("name", NAMES)
def test_every_row_goes_into_the_blueprints_own_table(settings: Settings, name: str) -> None:
    """So names, types, what is never null and what is unique are as it says."""
    columns = ask(
        settings,
        "SELECT column_name, data_type FROM information_schema.columns"
        f" WHERE table_schema = 'blueprint' AND table_name = '{name}' ORDER BY ordinal_position",
    )
    ours = ask(
        settings,
        "SELECT column_name, data_type FROM information_schema.columns"
        f" WHERE table_schema = 'runfold' AND table_name = '{name}' ORDER BY ordinal_position",
    )
    assert ours[: len(columns)] == columns
    names = ", ".join(column for column, _ in columns)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        copied = connection.execute(
            f"INSERT INTO blueprint.{name} ({names}) SELECT {names} FROM runfold.{name}".encode()
        )
        assert copied.rowcount > 0


def test_every_call_has_its_checkpoint_and_it_is_there(settings: Settings) -> None:
    lost = ask(
        settings,
        "SELECT t.tool_call_id FROM tool_invocations AS t"
        " LEFT JOIN agent_checkpoints AS c USING (checkpoint_id) WHERE c.run_id IS DISTINCT FROM"
        " t.run_id",
    )
    assert lost == []
    assert ask(settings, "SELECT count(*) > 0 FROM tool_invocations") == [(True,)]


def test_the_five_questions_of_the_blueprint_are_answered(settings: Settings) -> None:
    """What happened, where did it stop, can it resume, did this tool run, can it be audited."""
    ((run_id, step, checkpoint_id),) = ask(
        settings,
        "SELECT run_id, current_step, latest_checkpoint_id FROM agent_runs"
        " WHERE latest_checkpoint_id IS NOT NULL ORDER BY current_step DESC, run_id LIMIT 1",
    )
    assert ask(
        settings,
        f"SELECT checkpoint_id FROM agent_checkpoints WHERE run_id = '{run_id}'"
        f" AND step_number = {step}",
    ) == [(checkpoint_id,)]
    calls = ask(
        settings,
        "SELECT tool_name, idempotency_key FROM tool_invocations"
        f" WHERE run_id = '{run_id}' AND status = 'succeeded'",
    )
    assert calls
    for tool, key in calls:
        assert ask(
            settings,
            f"SELECT count(*) FROM tool_invocations WHERE tool_name = '{tool}'"
            f" AND idempotency_key = '{key}'",
        ) == [(1,)]
