"""The other protocols that a gateway speaks, each where its extra is installed."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from runfold.infra.settings.declared.a2a import A2A
from runfold.infra.settings.declared.mcp import MCP_URL
from runfold.surfaces.http.making import Made
from runfold.surfaces.http.mounted import Beside
from runfold.surfaces.http.settings import FOLDER, GatewaySettings

_log = logging.getLogger("runfold.gateway")


def beside(made: Made, settings: GatewaySettings, url: str) -> Beside:
    """Return what is served beside the routes by a gateway at this address; raises ConfigError."""
    return _mcp(made) + _a2a(made, settings, url)


def _mcp(made: Made) -> Beside:
    if find_spec("mcp") is None:
        _log.info("MCP is not served: pip install 'runfold[mcp]'")
        return Beside()
    from runfold.surfaces.mcp.mounting import mounted  # noqa: PLC0415 - needs its extra
    from runfold.surfaces.mcp.resources import Artifacts  # noqa: PLC0415

    return Beside(
        mounted(
            made.gateway,
            artifacts=Artifacts(made.gateway.artifacts),
            public_url=MCP_URL.read() or None,
        )
    )


def _a2a(made: Made, settings: GatewaySettings, url: str) -> Beside:
    if A2A.read() == "off":
        return Beside()
    if find_spec("a2a") is None:
        _log.info("A2A is not served: pip install 'runfold[a2a]'")
        return Beside()
    from runfold.surfaces.a2a.mounting import A2ASettings, mount  # noqa: PLC0415 - needs its extra

    own = A2ASettings.read(settings.home / FOLDER)
    return mount(made.gateway, own, url, made.pushed, made.gateway.artifacts)
