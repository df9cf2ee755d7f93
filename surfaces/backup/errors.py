"""What keeps a back-up from being made or restored.

BackupError
├── NotABackupError  refuse: the folder holds no whole back-up, or not what its manifest says
└── NotEmptyError    refuse: the place that is to be written to holds something already
"""

from __future__ import annotations


class BackupError(Exception):
    """It cannot be done; the message is one sentence that says why and what to do."""


class NotABackupError(BackupError):
    """The folder holds no whole back-up, or not what its manifest says."""


class NotEmptyError(BackupError):
    """The place that is to be written to holds something already."""
