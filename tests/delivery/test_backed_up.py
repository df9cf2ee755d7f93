"""A back-up holds what was sent and what is open, and a restored deployment goes on from there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runfold.events.topics import ALERTS, EVENTS, TENANT_EVENTS
from runfold.infra.database.connection import Session
from runfold.processors.delivery import positions
from runfold.processors.delivery.log import DeliveryLog
from runfold.processors.delivery.rows import Key, Notice
from runfold.processors.delivery.webhooks import store
from runfold.surfaces.backup import deliveries, manifest, tables
from runfold.surfaces.backup.errors import NotABackupError, NotEmptyError
from runfold.surfaces.backup.forms import need_form
from runfold.surfaces.backup.manifest import TableSaid
from tests.delivery.rows import BEGAN, added, ended, tables_at, wanted
from tests.support.builders.backups import Folder
from tests.support.stack import Servers, fresh_database

MOMENT = BEGAN + timedelta(days=1)
ENDS = {(EVENTS, 0): 10, (TENANT_EVENTS, 0): 4}
PLACES = {**ENDS, (ALERTS, 0): 0}


def notice(event: str, at: datetime = BEGAN) -> Notice:
    return Notice("acme", "ada", event, "acme", "r1", "failed", "It failed.", 0, at, at)


def fill(session: Session) -> None:
    """Deliver some of what ten events call for, and two that the back-up does not have."""
    positions.take_over(session, dict.fromkeys(PLACES, 0), "old")
    moved = {(EVENTS, 0): 12, (TENANT_EVENTS, 0): 3, (ALERTS, 0): 7}
    rows = positions.move(session, moved, "old", [wanted("r1", seq) for seq in range(1, 12)])
    for row in rows[:3]:
        ended(session, row)
    ended(session, rows[3], "open", due_at=BEGAN + timedelta(hours=9))
    # Of what the journal of the back-up does not have: offsets 10 and 11.
    ended(session, rows[10], "open", due_at=BEGAN)
    positions.tell(session, [notice("sent"), notice("open"), notice("later", MOMENT)])
    session.execute("UPDATE runfold.notifications SET state = 'sent' WHERE event_id = 'sent'")
    store.receivers(session, [Key("acme", "hook")], ok=False, at=BEGAN)


@pytest.mark.integration
def test_a_restored_deployment_sends_what_was_open_and_nothing_that_is_gone(
    database_url: str, servers: Servers, tmp_path: Path
) -> None:
    with tables_at(database_url) as session:
        fill(session)
    said = tables.save(database_url, tmp_path)
    with pytest.raises(NotEmptyError):
        tables.need_empty(database_url)
    with fresh_database(servers.database_url) as url:
        tables.need_empty(url)
        found = tables.load(url, tmp_path, said, ENDS, MOMENT)
        assert found == deliveries.Restored(open=6, doubtful=1)
        log, hook = DeliveryLog(url), Key("acme", "hook")
        rows = {row["seq"]: row for row in log.deliveries(hook, 100)}
        assert sorted(rows) == list(range(1, 10))
        assert [rows[seq]["state"] for seq in (1, 3, 4, 9)] == ["delivered"] * 2 + ["open"] * 2
        assert [each["code"] for each in rows[4]["earlier"]] == [503]
        assert log.receivers("acme")[hook]["failing_since"] == BEGAN
        assert log.taken() == {(EVENTS, 0): 10, (TENANT_EVENTS, 0): 3}
        noted = {row["event_id"]: row["state"] for row in log.notifications("acme", None, 9)}
        assert noted == {"sent": "sent", "open": "unknown"}
        # A process goes on there; other events stand at 10 and 11 now, and are told.
        with Session.to(url) as session:
            ends = {(EVENTS, 0): 30, (TENANT_EVENTS, 0): 30, (ALERTS, 0): 30}
            starts = positions.take_over(session, ends, "me")
            assert starts == {(EVENTS, 0): 10, (TENANT_EVENTS, 0): 3, (ALERTS, 0): 30}
            again = added(session, wanted("r1", 10), wanted("r1", 11))
            assert [each.seq for each in again] == [10, 11]
            assert min(each.number for each in again) > max(r["number"] for r in rows.values())
        lines = list(deliveries.told(found, Folder(tmp_path / "m").write()))
        assert [line.split(":")[0] for line in lines] == ["webhooks", "notifications"]


def test_forms_of_earlier_releases_are_read_and_have_no_deliveries(tmp_path: Path) -> None:
    for form in manifest.FORMS[1:-1]:
        said = Folder(tmp_path / str(form)).write().model_copy(update={"format": form})
        (line,) = deliveries.told(None, said)
        assert "runfold webhooks replay NAME --from" in line
    said = Folder(tmp_path / "now").write()
    assert list(deliveries.told(None, said)) == []
    file = said.topics[0].file.model_copy(update={"path": "tables/deliveries.copy"})
    table = TableSaid(name="deliveries", columns=("number",), rows=0, file=file)
    need_form(said.model_copy(update={"tables": (table,)}))
    with pytest.raises(NotABackupError, match="names a table that no back-up has"):
        need_form(said.model_copy(update={"tables": (table,), "format": manifest.NO_DELIVERIES}))
    assert said.began_at <= datetime.now(UTC)
