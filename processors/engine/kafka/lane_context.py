"""What the lanes of one process have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from runfold.processors.engine.aggregate import Aggregate, S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.kafka.input_router import InputRouter
from runfold.processors.engine.kafka.parker import Parker
from runfold.processors.engine.ports import Codec, DefinitionStore, LocalEffects


@dataclass(frozen=True, slots=True)
class LaneContext(Generic[S]):
    """Settings, ports, and the threads that serve every lane."""

    config: EngineConfig
    aggregate: Aggregate[S]
    codec: Codec
    definitions: DefinitionStore
    effects: LocalEffects
    dispatcher: InputRouter
    parker: Parker
