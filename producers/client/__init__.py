"""What a program says to Runfold and hears from it, in a blocking form and in one for asyncio."""

from runfold.producers.client.async_client import AsyncRunClient
from runfold.producers.client.client import RunClient
from runfold.producers.client.hubs import Hubs
from runfold.producers.client.messages import Calls, Messages
from runfold.producers.client.options import RequestOptions

__all__ = ["AsyncRunClient", "Calls", "Hubs", "Messages", "RequestOptions", "RunClient"]
