"""What people write down of agents, tools and model scripts, and how it becomes definitions."""

from runfold.surfaces.manifests.load import Manifests, load
from runfold.surfaces.manifests.problems import InvalidManifestsError, Remark

__all__ = ["InvalidManifestsError", "Manifests", "Remark", "load"]
