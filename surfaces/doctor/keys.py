"""Whether the keys of sealed tenants can be had."""

from __future__ import annotations

from collections.abc import Iterator

from runfold.events.definitions.tenancy.tenants import KeptOfTenants
from runfold.events.errors import KeysUnavailableError
from runfold.infra.keys.chosen import key_store
from runfold.infra.keys.port import KeyLostError, KeyStore
from runfold.stack.processes import telling
from runfold.surfaces.application.governing.definitions import read_definitions
from runfold.surfaces.doctor.deployment import Deployment
from runfold.surfaces.doctor.finding import Finding, note, ok, wrong

_SHOWN = 20


def check(deployment: Deployment) -> Iterator[Finding]:
    """Find keys that are lost, a key store that does not answer, and legal holds."""
    known = read_definitions(deployment.reader).tenants
    yield from look(known, key_store())
    yield from lacking(deployment)


def lacking(deployment: Deployment) -> Iterator[Finding]:
    """Find the processes of the stack that cannot have a key that they need, as they say."""
    for member in deployment.known.members if deployment.known is not None else ():
        said = telling.ask(member.metrics_port, member.metrics_address)
        if said is not None and said.keys:
            yield wrong(
                "keys",
                f"{member.name} waits for a key, and whatever stands behind it waits too: "
                f"{said.keys}",
                f"set RUNFOLD_KEYS as it is for the others, then `runfold restart {member.name}`; "
                "where a key store is away, bring it back",
            )


def look(known: KeptOfTenants, store: KeyStore | None) -> Iterator[Finding]:
    """Find what is wrong with the keys that the log lists."""
    held = known.held()
    if held:
        names = ", ".join(tenant for tenant, _ in held[:_SHOWN])
        yield note("keys", f"{len(held)} tenants are under a legal hold: {names}")
    sealed = known.sealed()
    if not sealed:
        yield ok("keys", "no tenant's contents are sealed")
        return
    if store is None:
        yield wrong(
            "keys",
            f"{len(sealed)} tenants are sealed, and RUNFOLD_KEYS is not set here",
            "set it to where their keys are, for every process",
        )
        return
    lost, looked = 0, 0
    for tenant in sealed:
        for key in known.keys_of(tenant):
            looked += 1
            try:
                store.unwrap(key.wrapped_by, key.wrapped)
            except KeyLostError as error:
                lost += 1
                if lost <= _SHOWN:
                    todo = f"bring it back, or give the tenant up: `runfold tenant erase {tenant}`"
                    yield wrong("keys", f"a key of tenant {tenant} is lost: {error}", todo)
            except KeysUnavailableError as error:
                # It is the same for every key: one sentence is enough.
                yield wrong("keys", str(error), "what needs a key that no process has yet waits")
                return
    if not lost:
        yield ok("keys", f"{looked} data keys of {len(sealed)} tenants can be unwrapped here")
