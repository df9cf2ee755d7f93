"""``python -m runfold.processors.tool``: a pool that makes the tool calls of the topic tool.calls.

SIGTERM ends it after the calls in flight. Its exit codes are those of every process.
"""

from __future__ import annotations

import logging
import sys

from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.database import migrate, preflight
from runfold.infra.database.errors import DatabaseAwayError
from runfold.infra.deployment import binding
from runfold.infra.process.exit_codes import ExitCode
from runfold.infra.process.runner import Ends, Process, serve
from runfold.infra.settings.config import Config
from runfold.processors.definitions.following import following
from runfold.processors.definitions.sealing import sealing_codec, told
from runfold.processors.effects.kinds import Served
from runfold.processors.effects.pool.serving import POOL_ENDS, serve_pool
from runfold.processors.effects.pool.settings import POOL_OPTIONS
from runfold.processors.effects.under_way import UnderWay
from runfold.processors.tool.beginning.health import Health
from runfold.processors.tool.call_log import CallLog
from runfold.processors.tool.children.at_start import imported_at_start
from runfold.processors.tool.claims.postgres import PostgresClaims
from runfold.processors.tool.claims.sealed import SealedClaims
from runfold.processors.tool.dying.deaths import Deaths
from runfold.processors.tool.dying.poison import PoisonGuard
from runfold.processors.tool.errors import ClaimsUnavailableError
from runfold.processors.tool.kind import TOOL_CALL, may_repeat
from runfold.processors.tool.processor import ToolProcessor
from runfold.processors.tool.settings import ToolSettings
from runfold.producers.schema_registry.chosen import registry_of

_log = logging.getLogger("runfold.tools")

_CLAIMS_WAIT_S = 30.0


def main() -> int:
    """Run a pool with the settings of the environment and return its exit code."""
    ends: Ends = {
        **POOL_ENDS,
        ClaimsUnavailableError: ExitCode.CANNOT_GO_ON,
        DatabaseAwayError: ExitCode.CANNOT_GO_ON,
    }
    return serve("runfold-tools", _settings, _work, ends, options=POOL_OPTIONS)


def _settings(config: Config) -> ToolSettings:
    settings = ToolSettings.from_env()
    config.need_database()
    config.need_home()
    return settings


def _work(process: Process, settings: ToolSettings) -> int:
    config = process.config
    url = config.need_database()
    preflight.need(url, [migrate.PART], _CLAIMS_WAIT_S, _log.warning)
    # Again: the database may have been away at the first look.
    binding.need(config.kafka, url, _log.warning)
    codec = sealing_codec(registry_of(config.schema_registry_url), process.taken.values)
    claims = PostgresClaims(url, settings.lease_s, wait_s=_CLAIMS_WAIT_S)
    home = config.need_home()
    taken = process.taken
    with following(config.kafka, codec) as known, Deaths(home / "calls") as deaths:
        children = settings.children(taken.masks)
        health = Health()
        tools = ToolProcessor(
            known.tool,
            SealedClaims(claims, codec.sealing),
            SealedArtifacts(FileArtifacts(home / "artifacts"), codec.sealing),
            settings.secrets(taken.values),
            code=settings.code,
            refresh=known.refresh,
            masks=taken.masks,
            poison=PoisonGuard(deaths, settings.deaths),
            children=children,
            health=health,
            logged=CallLog(settings.log),
            source=known.published_tool,
            slots=claims.slots,
            turns=claims.turns,
        )
        under_way = UnderWay(config.drain_s)
        process.health.reports["keys"] = told(codec)
        process.health.reports["calls"] = under_way.told
        process.health.reports["left_alone"] = health.told
        process.health.reports["modules"] = children.told
        made = Served(TOOL_CALL, tools.call, settings.calls, tools.cap, tools.ready, tools.group)
        served = under_way.over(made, may_repeat(known.tool))
        resources = (claims, children, imported_at_start(children))
        return serve_pool(process, served, codec, known.reading, resources)


if __name__ == "__main__":
    sys.exit(main())
