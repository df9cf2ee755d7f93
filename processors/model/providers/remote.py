"""A model behind HTTP: writes the request in the provider's wire, reads the answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from runfold.events.calls import ModelWork
from runfold.events.definitions.agents.agent import UNUSABLE
from runfold.processors.model.deltas import Deltas, Tell, tell_of
from runfold.processors.model.names import split
from runfold.processors.model.providers.anthropic import CODEC as ANTHROPIC
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.providers.openai import CODEC as OPENAI
from runfold.processors.model.providers.settings import Provider
from runfold.processors.model.providers.tool_names import names_of
from runfold.processors.model.providers.transport import Exchanged, Transport
from runfold.processors.model.providers.wire import (
    Assembly,
    Codec,
    MalformedAnswerError,
    Target,
    WireAnswer,
    WireRequest,
)

_log = logging.getLogger(__name__)

_MOST_PAUSES = 8
_CODECS = {"openai": OPENAI, "anthropic": ANTHROPIC}


class Remote:
    """The configured providers, spoken to over one transport."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        transport: Transport,
        deltas: Deltas | None = None,
    ) -> None:
        self._providers = providers
        self._transport = transport
        self._deltas = deltas

    async def answer(self, work: ModelWork, name: str, budget_s: float) -> WireAnswer:
        """Return the answer of ``provider:model``; ProviderFaultError for any fault."""
        provider, model = self._provider(name)
        codec = _CODECS[provider.kind]
        names = names_of(work)
        target = _target(provider, model)
        try:
            request = codec.request(work, target, names)
        except (ValueError, RecursionError) as error:
            said = f"the call cannot be written for {provider.name}: {error}"
            raise ProviderFaultError("bad_request", said) from error
        try:
            begin = _assembly(codec, tell_of(self._deltas, work, name))
            found = await self._whole(provider, codec, request, budget_s, begin)
            answer = codec.parse(found.body, work, target, names)
        except ProviderFaultError:
            raise
        except MalformedAnswerError as error:
            said = f"{provider.name} answered in no form that is known: {error}"
            raise ProviderFaultError("malformed_response", said) from error
        except BaseException as error:
            if _is_meant(error):
                raise
            # What strangers send can break a reader in more ways than can be listed.
            _log.warning("an answer of %s broke its reader", provider.name, exc_info=error)
            said = f"{provider.name} answered in a form that cannot be read: {type(error).__name__}"
            raise ProviderFaultError("malformed_response", said) from error
        return replace(answer, first_token_at=found.first_token_at)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _whole(
        self,
        provider: Provider,
        codec: Codec,
        request: WireRequest,
        budget_s: float,
        begin: Callable[[], Assembly],
    ) -> Exchanged:
        """Return an answer to its end, which a provider may put off a few times."""
        clock = asyncio.get_running_loop().time
        until = clock() + budget_s
        credentials = _credentials(provider, codec)
        found = await self._transport.exchange(provider, request, credentials, budget_s, begin())
        for _ in range(_MOST_PAUSES):
            again = codec.resume(request, found.body)
            if again is None or clock() >= until:
                break
            request = again
            more = await self._transport.exchange(
                provider, request, credentials, until - clock(), begin()
            )
            first = found.first_token_at
            found = Exchanged(codec.joined(found.body, more.body), first)
        return found

    def _provider(self, name: str) -> tuple[Provider, str]:
        provider_name, model = split(name)
        if provider_name == UNUSABLE:
            what = model.replace("-", " ")
            raise ProviderFaultError(
                "not_configured", f"the agent cannot be run: its manifest says {what}; publish one"
            )
        provider = self._providers.get(provider_name)
        if provider is None or not model:
            known = ", ".join((*sorted(self._providers), "scripted"))
            raise ProviderFaultError(
                "not_configured", f"{name!r} names no model: write provider:model, of {known}"
            )
        if provider.missing:
            raise ProviderFaultError(
                "not_configured", f"{provider.key_env} is not set, so {name} cannot be used"
            )
        return provider, model


class _Heard:
    """An assembly whose spoken text is told as it comes."""

    def __init__(self, codec: Codec, tell: Tell) -> None:
        self._inner = codec.assembly()
        self._spoken = codec.spoken
        self._tell = tell

    def take(self, event: dict[str, Any]) -> bool:
        """Add an event."""
        self._tell(self._spoken(event))
        return self._inner.take(event)

    def body(self) -> dict[str, Any] | None:
        """Return the whole body."""
        return self._inner.body()


def _assembly(codec: Codec, tell: Tell | None) -> Callable[[], Assembly]:
    return codec.assembly if tell is None else partial(_Heard, codec, tell)


def _is_meant(error: BaseException) -> bool:
    """Return whether an error is somebody's word that this call, or the process, is to end.

    Libraries raise such errors by mistake: a cancellation that leaks out of them, an exit.
    """
    task = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError):
        return task is not None and task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt | GeneratorExit)


def _target(provider: Provider, model: str) -> Target:
    newer = provider.kind == "openai" and provider.official
    host = urlsplit(provider.base_url).hostname or ""
    return Target(
        provider.name,
        model,
        # OpenAI renamed the field; the servers that imitate it mostly know the old name.
        "max_completion_tokens" if newer else "max_tokens",
        files=newer,
        short_ids=f".{host}".endswith(".mistral.ai"),
    )


def _credentials(provider: Provider, codec: Codec) -> dict[str, str]:
    """Return the headers with the key; ProviderFaultError for one that no header can carry."""
    key = provider.key
    if not key:
        return {}
    odd = next((at for at, letter in enumerate(key) if not "!" <= letter <= "~"), None)
    if odd is not None:
        raise ProviderFaultError(
            "not_configured",
            f"{provider.key_env or 'the key'} holds U+{ord(key[odd]):04X} at place {odd + 1}, "
            "which no key holds: copy it again, without quotes, spaces and line breaks",
        )
    return codec.credentials(key)
