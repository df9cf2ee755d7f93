"""What the lanes of one process have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from processors.engine.aggregate import Aggregate, S
from processors.engine.config import EngineConfig
from processors.engine.dispatcher import Dispatcher
from processors.engine.parker import Parker
from processors.engine.ports import Codec, LocalEffects, RulebookSource


@dataclass(frozen=True, slots=True)
class Shared(Generic[S]):
    """Settings, ports, and the threads that serve every lane."""

    config: EngineConfig
    aggregate: Aggregate[S]
    codec: Codec
    rulebooks: RulebookSource
    effects: LocalEffects
    dispatcher: Dispatcher
    parker: Parker
