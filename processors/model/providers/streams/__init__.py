"""Streamed answers, put together into the bodies that unstreamed ones have.

So the codecs read one form, and a stream adds only when its first token came.
"""

from runfold.processors.model.providers.streams.events import events

__all__ = ["events"]
