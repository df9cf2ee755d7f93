"""Parts of a manifest are shown as they are written."""

from __future__ import annotations

import yaml

from runfold.events.definitions.delivery.subscription import EventFilter
from runfold.surfaces.cli.commands.governing.webhooks import _said


def test_a_filter_is_shown_as_it_is_written_in_a_manifest() -> None:
    def shown(said: str) -> str:
        return _said(EventFilter.model_validate(yaml.safe_load(said)).model_dump(mode="json"))

    for written in (
        "{statuses: [completed, failed, waiting_for_human]}",
        "{actors: [user], fields: {tool: [mail.send, 'no'], attempt: [1, true]}}",
        "{fields: {tool: [größer]}}",
    ):
        assert shown(written) == written
    assert shown("{}") == ""
    assert _said(("a", "b")) == "a, b"
    assert _said(None) == ""
