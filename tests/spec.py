"""Given / When / Then for deciders, as the product ships it."""

from runfold.testing.story import START, Story, kinds

__all__ = ["START", "Story", "kinds"]
