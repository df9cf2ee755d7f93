"""What the lanes of one process have in common, and where each of them can stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic

from runfold.processors.engine.aggregate import S
from runfold.processors.engine.config import EngineConfig
from runfold.processors.engine.kafka.inputs.input_router import InputRouter
from runfold.processors.engine.kafka.parker import Parker
from runfold.processors.engine.ports import Codec, DefinitionStore, EffectHost
from runfold.processors.engine.spec import AggregateSpec


class LaneState(Enum):
    """Where a lane stands."""

    OPENING = "opening"
    RUNNING = "running"
    STOPPED = "stopped"
    FENCED = "fenced"
    BROKEN = "broken"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class LaneContext(Generic[S]):
    """Settings, ports, and the threads that serve every lane."""

    config: EngineConfig
    spec: AggregateSpec[S]
    codec: Codec
    definitions: DefinitionStore
    effects: EffectHost
    dispatcher: InputRouter
    parker: Parker
