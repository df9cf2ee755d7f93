"""A model behind HTTP: writes the request in the provider's wire, reads the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from runfold.events.calls import ModelWork
from runfold.processors.model.names import split
from runfold.processors.model.providers.anthropic import CODEC as ANTHROPIC
from runfold.processors.model.providers.faults import ProviderFaultError
from runfold.processors.model.providers.openai import CODEC as OPENAI
from runfold.processors.model.providers.settings import Provider
from runfold.processors.model.providers.tool_names import names_of
from runfold.processors.model.providers.transport import Transport
from runfold.processors.model.providers.wire import Target, WireAnswer

_CODECS = {"openai": OPENAI, "anthropic": ANTHROPIC}


class Remote:
    """The configured providers, spoken to over one transport."""

    def __init__(self, providers: Mapping[str, Provider], transport: Transport) -> None:
        self._providers = providers
        self._transport = transport

    async def answer(self, work: ModelWork, name: str, budget_s: float) -> WireAnswer:
        """Return the answer of ``provider:model``; ProviderFaultError for any fault."""
        provider, model = self._provider(name)
        codec = _CODECS[provider.kind]
        names = names_of(work)
        newer = provider.kind == "openai" and provider.official
        # OpenAI renamed the field; the servers that imitate it mostly know the old name.
        target = Target(provider.name, model, "max_completion_tokens" if newer else "max_tokens")
        try:
            request = codec.request(work, target, names)
        except ValueError as error:
            said = f"the call cannot be written for {provider.name}: {error}"
            raise ProviderFaultError("bad_request", said) from error
        credentials = codec.credentials(provider.key) if provider.key else {}
        assembly = codec.assembly() if request.streamed else None
        found = await self._transport.exchange(provider, request, credentials, budget_s, assembly)
        try:
            answer = codec.parse(found.body, work, target, names)
        except ValueError as error:
            said = f"{provider.name} answered in no form that is known: {error}"
            raise ProviderFaultError("malformed_response", said) from error
        return replace(answer, first_token_at=found.first_token_at)

    def _provider(self, name: str) -> tuple[Provider, str]:
        provider_name, model = split(name)
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
