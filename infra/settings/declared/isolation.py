"""The variables that keep tenants apart: what is asked of who speaks, and of who reads."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import FOLDER, LINE, SWITCH, WORD, choice
from runfold.infra.settings.variable import Variable, hidden

_NO_PATH: Path | None = None

CREDENTIALS = Variable(
    "RUNFOLD_CREDENTIALS", choice("off", "accept", "require"), "off", "run processor",
    "what is asked of requests and controls: nothing; that a credential, where there is one, is "
    "good; or that each has one ([secured](secured.md#who-speaks))",
)  # fmt: skip
TOKEN = Variable(
    "RUNFOLD_TOKEN", WORD, "", "`runfold`, gateway, clients",
    "the token that requests and controls are signed with, as `runfold token issue` makes it",
    "none", hidden,
)  # fmt: skip
TOKEN_FILE = Variable(
    "RUNFOLD_TOKEN_FILE", FOLDER, _NO_PATH, "`runfold`, gateway, clients",
    "a file with this token instead", "none",
)  # fmt: skip
ROW_SECURITY = Variable(
    "RUNFOLD_ROW_SECURITY", SWITCH, False, "projector",
    "`1` lets Postgres itself keep the rows of tenants apart ([tenants in the "
    "database](secured.md#tenants-in-the-database)); `0` takes that away again", "`0`",
)  # fmt: skip
READS = Variable(
    "RUNFOLD_READS", choice("off", "record", "require"), "off", "projector, gateway, `runfold`",
    "whether it is on record who reads runs by the command line or over HTTP: no; as far "
    "as the database answers; or nobody reads without ([who read what](secured.md#who-read-what))",
)  # fmt: skip
PURPOSE = Variable(
    "RUNFOLD_PURPOSE", LINE, "", "`runfold`", "what for somebody reads; it is on record", "none",
)  # fmt: skip
