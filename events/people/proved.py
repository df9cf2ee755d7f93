"""What a credential proved: in whose name a request or a control speaks."""

from __future__ import annotations

from runfold.events.base import Record


class Proved(Record):
    """What the credential of a request or a control proved, as it was found when it was decided.

    ``problem`` says why it proved nothing, and is empty where it did. ``key_id`` names the key of
    the deployment that vouches, ``token_id`` the token. No secret is in it.
    """

    key_id: str = ""
    token_id: str = ""
    problem: str = ""
