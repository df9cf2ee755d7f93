"""The other protocols that a gateway speaks, each where its extra is installed."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from runfold.infra.artifacts.files import FileArtifacts
from runfold.infra.artifacts.sealed import SealedArtifacts
from runfold.infra.settings.mcp import MCP_ISSUERS, MCP_URL
from runfold.surfaces.http.making import Made
from runfold.surfaces.http.mounted import Mounted
from runfold.surfaces.http.settings import GatewaySettings

_log = logging.getLogger("runfold.gateway")


def beside(made: Made, settings: GatewaySettings) -> tuple[Mounted, ...]:
    """Return what is mounted beside the routes; raises ConfigError."""
    return _mcp(made, settings)


def _mcp(made: Made, settings: GatewaySettings) -> tuple[Mounted, ...]:
    if find_spec("mcp") is None:
        _log.info("MCP is not served: pip install 'runfold[mcp]'")
        return ()
    from runfold.surfaces.mcp.mounting import mounted  # noqa: PLC0415 - needs its extra
    from runfold.surfaces.mcp.resources import Artifacts  # noqa: PLC0415

    store = SealedArtifacts(FileArtifacts(settings.home / "artifacts"), made.codec.sealing)
    return mounted(
        made.gateway,
        artifacts=Artifacts(store.get),
        public_url=MCP_URL.read() or None,
        issuers=MCP_ISSUERS.read(),
    )
