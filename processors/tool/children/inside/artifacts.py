"""The artifacts as a tool has them in a child: kept and fetched by the parent."""

from __future__ import annotations

from runfold.infra.artifacts.errors import (
    ArtifactDamagedError,
    ArtifactMissingError,
    ArtifactsUnavailableError,
)
from runfold.infra.artifacts.port import Artifact
from runfold.infra.process.frames import MOST_BODY, Frame
from runfold.processors.tool.children.inside.channel import Channel, ClosedError


class ParentArtifacts:
    """Asks the parent, which knows whose call this is: a child reaches no other tenant's.

    They are those of the call that is being made when this is built, and end with it.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._number = channel.number

    def put(self, data: bytes, media_type: str, tenant_id: str) -> Artifact:  # noqa: ARG002
        """Keep bytes, at most ``MOST_BODY``; the artifact names what was kept."""
        held = bytes(data)
        if len(held) > MOST_BODY:
            raise ArtifactsUnavailableError(f"{len(held)} bytes; {MOST_BODY} are kept at once")
        told = self._asked(Frame({"kind": "put", "media_type": str(media_type)[:1000]}, held))
        return Artifact(
            told.text("ref"),
            bytes.fromhex(told.text("digest")),
            told.number("size") or 0,
            told.text("media_type"),
        )

    def get(self, ref: str, tenant_id: str) -> bytes:  # noqa: ARG002 - the parent knows it
        """Return the bytes of an artifact of the call's tenant."""
        return self._asked(Frame({"kind": "get", "ref": str(ref)[:4000]})).body

    def _asked(self, frame: Frame) -> Frame:
        try:
            told = self._channel.ask(frame, self._number)
        except ClosedError as error:
            raise ArtifactsUnavailableError("the call has ended, or its parent has") from error
        match told.kind:
            case "missing":
                raise ArtifactMissingError
            case "damaged":
                raise ArtifactDamagedError(told.text("message"))
            case "away":
                raise ArtifactsUnavailableError(told.text("message"))
            case _:
                return told
