"""The breakers of what one process calls: one for each tool or model, and one for each server.

A server is what several tools or models have in common: the service behind tools that declare it,
the provider of models. It is left alone where they fail in a row, more than one of them, and then
one call of one of them tries it, for all. What failed with its server is not blamed for it: its own
breaker begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from runfold.infra.metrics.bounded import MOST_VALUES
from runfold.processors.effects.admission import Admission, Guard, left_alone
from runfold.processors.effects.breaker import Breaker
from runfold.processors.effects.holds import CannotBeginError
from runfold.processors.effects.metrics import LEFT_ALONE

_MOST_KEPT = 1000
# Of the five failures that open a server's breaker no one member gives more.
_MOST_OF_ONE = 3


@dataclass(frozen=True, slots=True)
class Server:
    """What several have in common; ``name`` is for people and metrics."""

    key: Hashable
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """A tool or a model as a call means it, and its server, if it has one."""

    key: Hashable
    name: str
    server: Server | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    what: str
    name: str
    breaker: Breaker


class Circuits:
    """Guards calls of one ``kind``, such as tool, which come from ``servers`` of one kind.

    ``clock`` counts seconds. Used from one event loop; ``told`` and the gauge are read from any
    thread.
    """

    def __init__(self, kind: str, servers: str, clock: Callable[[], float]) -> None:
        self._kind = kind
        self._kind_of_servers = servers
        self._clock = clock
        self._members: dict[Hashable, _Kept] = {}
        self._servers: dict[Hashable, _Kept] = {}
        self._of_server: dict[Hashable, set[Hashable]] = {}
        self._shown: dict[str, set[str]] = {}

    def look(self, member: Member) -> CannotBeginError | None:
        """Return None where a call might begin, else why it cannot."""
        for guard in self._guards(member):
            if (pause := guard.breaker.look(guard.who)) is not None:
                return CannotBeginError("circuit_open", left_alone(guard.name), pause)
        return None

    def admit(self, member: Member, trial_s: float) -> Admission:
        """Return leave to make a call; raises CannotBeginError while there is none."""
        return Admission(self._guards(member), trial_s)

    def told(self) -> Mapping[str, object]:
        """Return what is left alone, by what it is: the names of tools or models, of servers."""
        found: dict[str, set[str]] = {self._kind: set(), self._kind_of_servers: set()}
        for each in self._all():
            if each.breaker.is_open:
                found[each.what].add(each.name)
        return {what: sorted(names) for what, names in found.items()}

    def _guards(self, member: Member) -> list[Guard]:
        own = self._member(member)
        guards = [Guard(own.breaker, member.name)]
        if member.server is not None:
            server = self._server(member.server)
            self._of_server.setdefault(member.server.key, set()).add(member.key)
            guards.insert(0, Guard(server.breaker, f"the {server.what} {server.name}", member.key))
        return guards

    def _member(self, member: Member) -> _Kept:
        if member.key not in self._members:
            self._forget()
            made = Breaker(self._clock)
            self._members[member.key] = self._kept(self._kind, member.name, made)
        return self._members[member.key]

    def _server(self, server: Server) -> _Kept:
        if server.key not in self._servers:
            made = Breaker(
                self._clock,
                most_of_one=_MOST_OF_ONE,
                opened=lambda: self._absolve(server.key),
            )
            self._servers[server.key] = self._kept(self._kind_of_servers, server.name, made)
        return self._servers[server.key]

    def _absolve(self, server: Hashable) -> None:
        """Let the members of a server begin anew: what they failed with was the server's."""
        for key in self._of_server.get(server, ()):
            if key in self._members:
                self._members[key].breaker.succeeded()

    def _forget(self) -> None:
        """Forget what is well, once there is much: it has nothing to remember."""
        if len(self._members) < _MOST_KEPT:
            return
        self._members = _not_at_rest(self._members)
        self._servers = _not_at_rest(self._servers)
        self._of_server = {
            server: kept
            for server, keys in self._of_server.items()
            if (kept := keys & self._members.keys())
        }

    def _kept(self, what: str, name: str, breaker: Breaker) -> _Kept:
        shown = self._shown.setdefault(what, set())
        if name not in shown and len(shown) < MOST_VALUES:
            shown.add(name)
            LEFT_ALONE(what, name).set_function(lambda: self._open(what, name))
        return _Kept(what, name, breaker)

    def _open(self, what: str, name: str) -> int:
        return sum(
            each.breaker.is_open for each in self._all() if (each.what, each.name) == (what, name)
        )

    def _all(self) -> tuple[_Kept, ...]:
        return (*self._members.copy().values(), *self._servers.copy().values())


def _not_at_rest(kept: dict[Hashable, _Kept]) -> dict[Hashable, _Kept]:
    return {key: each for key, each in kept.items() if not each.breaker.at_rest}
