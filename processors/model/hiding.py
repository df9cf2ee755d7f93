"""What a model may not read is hidden before a call leaves, and back in its place in the answer."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from runfold.events.calls import Message, ModelWork
from runfold.events.contents.attachments import Shown, shown_as
from runfold.events.contents.content import Content, content, without_bytes
from runfold.events.definitions.agents.redaction import KINDS, RedactedKind
from runfold.events.values import Attachment, ModelAnswer, ProposedCall, Redacted
from runfold.processors.privacy.rules import RuleDetector
from runfold.processors.privacy.shield import Shield

_MOST_KEPT = 8_000_000

_Key = tuple[str, bytes, str, tuple[str, ...]]
"""Run, digest and media type of a content, and what is hidden in it."""


class _Kept(NamedTuple):
    content: Content
    words: Mapping[str, str]

    @property
    def size(self) -> int:
        """About the bytes that it takes."""
        return 500 + self.content.size + sum(len(t) + len(w) for t, w in self.words.items())


class ShownAgain(NamedTuple):
    """An answer in words; how many values of each kind the model had tokens for, and it holds."""

    answer: ModelAnswer
    redacted: tuple[Redacted, ...] = ()
    exposed: tuple[Redacted, ...] = ()


class Hiding:
    """Hides by the rules; a content that was looked through is remembered, 8 MB of them in all.

    A run's transcript is shown again with every call: only what is new in it is looked through.
    """

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._size = 0

    async def hidden(self, work: ModelWork) -> tuple[ModelWork, Shield | None]:
        """Return the work as the model may see it, and what shows the words again.

        ``work`` has its contents inline (``contents.opened``). A picture or a document cannot be
        looked through, so it is named and not shown.
        """
        if not work.redact:
            return work, None
        return await asyncio.to_thread(self._hidden, work)

    async def shown_again(self, answer: ModelAnswer, shield: Shield | None) -> ShownAgain:
        """Return an answer as people and tools get it, and what it holds of what is hidden."""
        if shield is None:
            return ShownAgain(answer)
        return await asyncio.to_thread(_shown_again, answer, shield)

    def _hidden(self, work: ModelWork) -> tuple[ModelWork, Shield]:
        kinds = _known(work.redact)
        detector = RuleDetector(kinds)
        run_key = f"{work.tenant_id}/{work.run_id}"
        whole = Shield(run_key, detector, kinds)

        def hide(said: Content) -> Content:
            key = run_key, said.digest, said.media_type, kinds
            with self._lock:
                kept = self._kept.get(key)
            if kept is None:
                shield = Shield(run_key, detector, kinds)
                kept = _Kept(_changed(said, shield, hides=True), shield.words)
                self._keep(key, kept)
            if whole.contradicts(kept.words):
                # By an accident two words of different contents have one token.
                return _changed(said, whole, hides=True)
            whole.words.update(kept.words)
            return kept.content

        def message(said: Message) -> Message:
            calls = tuple(_call(call, hide(call.arguments)) for call in said.tool_calls)
            words = hide(said.content) if said.content is not None else None
            return said.model_copy(update={"content": words, "tool_calls": calls})

        def attachment(each: Attachment) -> Attachment:
            plain = shown_as(each.content) is Shown.TEXT
            shown = hide(each.content) if plain else without_bytes(each.content)
            return each.model_copy(update={"name": whole.hide(each.name), "content": shown})

        shown = work.model_copy(
            update={
                "instructions": hide(work.instructions),
                "messages": tuple(map(message, work.messages)),
                "attachments": tuple(map(attachment, work.attachments)),
            }
        )
        return shown, whole

    def _keep(self, key: _Key, kept: _Kept) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = kept
            self._size += kept.size
            while self._size > self._most and self._kept:
                _, dropped = self._kept.popitem(last=False)
                self._size -= dropped.size


def _known(kinds: Sequence[str]) -> tuple[RedactedKind, ...]:
    """Return the kinds in their order; a kind that this release does not know hides everything."""
    found = tuple(kind for kind in KINDS if kind in kinds)
    return found if len(found) == len(set(kinds)) else KINDS


def _shown_again(answer: ModelAnswer, shield: Shield) -> ShownAgain:
    words = _in_words(answer, shield)
    return ShownAgain(words, _counted(shield), _exposed(words, shield))


def _in_words(answer: ModelAnswer, shield: Shield) -> ModelAnswer:
    """Return an answer with the words for the tokens; what is opaque stays as the provider's."""
    if not shield.words:
        return answer
    words = _changed(answer.text, shield, hides=False) if answer.text else None
    calls = tuple(
        _call(call, _changed(call.arguments, shield, hides=False)) for call in answer.tool_calls
    )
    return answer.model_copy(update={"text": words, "tool_calls": calls})


def _exposed(answer: ModelAnswer, shield: Shield) -> tuple[Redacted, ...]:
    found = shield.beside()
    for said in (answer.text, *(call.arguments for call in answer.tool_calls)):
        if said is not None:
            _changed(said, found, hides=True)
    return _counted(found)


def _counted(shield: Shield) -> tuple[Redacted, ...]:
    """Return what was hidden, by kind."""
    return tuple(Redacted(kind=kind, count=n) for kind, n in sorted(shield.counts.items()))


def _call(call: ProposedCall, arguments: Content) -> ProposedCall:
    return call.model_copy(update={"arguments": arguments})


def _changed(said: Content, shield: Shield, *, hides: bool) -> Content:
    """Return a content with words and tokens exchanged; the same object where nothing changed."""
    data = said.inline or b""
    before = data.decode("utf-8", "replace")
    if said.media_type.partition(";")[0].strip().endswith("json"):
        after = shield.hide_json(before) if hides else shield.show_json(before)
    else:
        after = shield.hide(before) if hides else shield.show(before)
    return said if after == before else content(after.encode("utf-8", "replace"), said.media_type)
