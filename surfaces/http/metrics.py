"""What the gateway counts."""

from __future__ import annotations

from runfold.infra.metrics.table import TABLE

REQUESTS = TABLE.counter(
    "runfold_http_requests",
    "requests that were answered, by the name of their route in the OpenAPI document and by "
    "status; `none` for what is no route, `a2a` for what agents are asked",
    ["name", "status"],
    process="gateway",
)
SECONDS = TABLE.histogram(
    "runfold_http_seconds",
    "from a request's head to the begin of its answer, streams and waited for runs included",
    ["name"],
    process="gateway",
)
STREAMS = TABLE.gauge("runfold_http_streams", "streams of events that are open", process="gateway")
EVENTS = TABLE.counter(
    "runfold_http_stream_events", "events that were sent to listeners", process="gateway"
)
REFUSALS = TABLE.counter(
    "runfold_http_refusals",
    "requests that were refused because of who asked, by the code of the problem",
    ["code"],
    process="gateway",
)
BACK_OFFS = TABLE.counter(
    "runfold_http_back_offs",
    "times that refusals became too many, by what they were counted by: address, key, "
    "key_and_address, or grant for what a key does not grant",
    ["by"],
    process="gateway",
)
CUT = TABLE.counter(
    "runfold_http_streams_cut",
    "streams that were ended before their time: `behind` whose listener left more waiting than its "
    "buffer holds, `stalled` whose listener took nothing, `fault` where the log could not be "
    "read, `revoked` whose key or token lets in no more",
    ["kind"],
    process="gateway",
)
