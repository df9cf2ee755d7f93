"""The variables of credentials: what the run processor asks for, and what clients sign with."""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import FOLDER, WORD, choice
from runfold.infra.settings.variable import Variable, hidden

_NO_PATH: Path | None = None

CREDENTIALS = Variable(
    "RUNFOLD_CREDENTIALS", choice("off", "accept", "require"), "off", "run processor",
    "what is asked of requests and controls: nothing; that a credential, where there is one, is "
    "good; or that each has one ([secured](secured.md#who-speaks))",
)  # fmt: skip
TOKEN = Variable(
    "RUNFOLD_TOKEN", WORD, "", "`runfold`, clients",
    "the token that requests and controls are signed with, as `runfold token issue` makes it",
    "none", hidden,
)  # fmt: skip
TOKEN_FILE = Variable(
    "RUNFOLD_TOKEN_FILE", FOLDER, _NO_PATH, "`runfold`, clients",
    "a file with this token instead", "none",
)  # fmt: skip
