"""Every variable that Runfold reads, declared once: the table of settings.

``runfold config`` lists what they hold, docs/settings.md what they mean. Defaults that depend on
something else are said in words (``shown``). Others are in ``opentelemetry``, ``vault``, ``opa``.
"""

from __future__ import annotations

from pathlib import Path

from runfold.infra.settings.kinds import (
    ANY,
    BROKERS,
    DEPLOYMENT,
    FILES,
    FOLDER,
    HTTP,
    KEYS_PLACE,
    LINE,
    NAMES,
    PARTITIONS,
    SCHEMA,
    SWITCH,
    TEXT,
    WORD,
    choice,
    decimal,
    number,
)
from runfold.infra.settings.variable import Variable, hidden, without_password

MOST_DRAIN_S = 3600
"""The longest that any process may be given to let its calls end."""

NO_PATH: Path | None = None
NO_NUMBER: int | None = None
NO_NAMES: tuple[str, ...] = ()
NO_PARTITIONS: tuple[int, ...] | None = None

BOOTSTRAP_SERVERS = Variable(
    "KAFKA_BOOTSTRAP_SERVERS", BROKERS, "", "all",
    "brokers, `host:port` with commas", "the embedded broker",
)  # fmt: skip
DEPLOYMENT_NAME = Variable(
    "RUNFOLD_DEPLOYMENT", DEPLOYMENT, "", "all",
    "the name of this deployment, where several share a Kafka or a Postgres: begins the names of "
    "its topics, groups and transactional ids, and names its schema "
    "([two on one cluster](operations.md#two-deployments-on-one-cluster))", "none",
)  # fmt: skip
DATABASE_URL = Variable(
    "DATABASE_URL", LINE, "", "tool pool, projector, gateway, delivery, `runfold`",
    "`postgresql://user:password@host:port/database`", "the embedded Postgres", without_password,
)  # fmt: skip
DATABASE_SCHEMA = Variable(
    "RUNFOLD_DATABASE_SCHEMA", SCHEMA, "runfold",
    "tool pool, projector, gateway, delivery, `runfold`",
    "the schema of all tables; one that `search_path` in the address names comes first",
    "`runfold`, with a deployment's name `runfold_NAME`",
)  # fmt: skip
SCHEMA_REGISTRY_URL = Variable(
    "SCHEMA_REGISTRY_URL", HTTP, "", "all",
    "a Confluent-compatible registry; its ids are then on the wire", "the committed ids",
    without_password,
)  # fmt: skip
HOME = Variable(
    "RUNFOLD_HOME", FOLDER, NO_PATH, "all",
    "data, logs and artifacts; run processor and tool pool must share it",
    "`~/.local/share/runfold`, for root `/var/lib/runfold`",
)  # fmt: skip
CACHE = Variable(
    "RUNFOLD_CACHE", FOLDER, NO_PATH, "`runfold up`",
    "Kafka's jars and ahead-of-time cache", "`~/.cache/runfold`",
)  # fmt: skip
XDG_DATA_HOME = Variable(
    "XDG_DATA_HOME", FOLDER, NO_PATH, "`runfold`",
    "where the default of `RUNFOLD_HOME` begins instead", "`~/.local/share`",
)  # fmt: skip
XDG_CACHE_HOME = Variable(
    "XDG_CACHE_HOME", FOLDER, NO_PATH, "`runfold up`",
    "where the default of `RUNFOLD_CACHE` begins instead", "`~/.cache`",
)  # fmt: skip
PARTITIONS_COUNT = Variable(
    "RUNFOLD_PARTITIONS", number(1, 1000), NO_NUMBER, "all",
    "partitions of the topics by run", "4 embedded, 24 on a cluster",
)  # fmt: skip
OWNERSHIP = Variable(
    "RUNFOLD_OWNERSHIP", choice("fixed", "group"), "fixed",
    "run processor, projector, delivery",
    "`fixed`: the partitions listed for the process; `group`: shared out by a consumer group, of "
    "which a deployment has one for run processors and one for projectors",
)  # fmt: skip
FIXED_PARTITIONS = Variable(
    "RUNFOLD_FIXED_PARTITIONS", PARTITIONS, NO_PARTITIONS, "run processor",
    "such as `0,1,2`", "all",
)  # fmt: skip
PROJECTOR_PARTITIONS = Variable(
    "RUNFOLD_PROJECTOR_PARTITIONS", PARTITIONS, NO_PARTITIONS, "projector",
    "such as `0,1,2`; fixed ownership, whatever `RUNFOLD_OWNERSHIP` says", "all",
)  # fmt: skip
GROUP_PROTOCOL = Variable(
    "RUNFOLD_GROUP_PROTOCOL", choice("classic", "consumer"), "classic",
    "run processor, pools, projector, delivery", "`classic` or `consumer` (Kafka 4)",
)  # fmt: skip
INSTANCE = Variable(
    "RUNFOLD_INSTANCE", WORD, "", "pools",
    "a stable name of this process in its group: its partitions come back at once after a crash; "
    "`runfold up` sets it", "none",
)  # fmt: skip
STALL_AFTER = Variable(
    "RUNFOLD_STALL_AFTER_S", number(1, 3600), 30,
    "run processor, pools, projector, delivery",
    "seconds without a record that is there until the process ends with 72",
)  # fmt: skip
STUCK_AFTER = Variable(
    "RUNFOLD_STUCK_AFTER_S", number(1, 3600), 60, "run processor, pools, projector",
    "seconds that one step may take until the process ends with 70: a lane's turn, a transaction, "
    "a write to Postgres",
)  # fmt: skip
DRAIN = Variable(
    "RUNFOLD_DRAIN_S", number(0, MOST_DRAIN_S), 120, "run processor, pools",
    "seconds that a process told to end waits for the calls that it is making; what stops it "
    "(`runfold down`, compose's `stop_grace_period`) must wait longer",
)  # fmt: skip
METRICS_PORT = Variable(
    "RUNFOLD_METRICS_PORT", number(1, 65535), NO_NUMBER, "all but `runfold`",
    "a port for `/metrics`, `/health/live` and `/health/ready`",
    "none; `runfold up` chooses one a process",
)  # fmt: skip
METRICS_ADDRESS = Variable(
    "RUNFOLD_METRICS_ADDRESS", WORD, "127.0.0.1", "all but `runfold`",
    "the address that this port is opened on",
)  # fmt: skip
TRACE_CONTENT = Variable(
    "RUNFOLD_TRACE_CONTENT", SWITCH, False, "run processor, pools",
    "`1` puts what was said to and by models and tools into spans", "`0`",
)  # fmt: skip
TOOL_MODULES = Variable(
    "RUNFOLD_TOOL_MODULES", NAMES, (), "tool pool, run processor, `runfold apply`",
    "Python modules that tools may come from, commas between", "none",
)  # fmt: skip
TOOL_CODE = Variable(
    "RUNFOLD_TOOL_CODE", choice("refuse", "warn", "ignore"), "refuse",
    "tool pool, run processor, `runfold apply`",
    "what to do with a Python tool whose code is not that its contract was published with",
)  # fmt: skip
TOOL_CALLS = Variable(
    "RUNFOLD_TOOL_CALLS", number(1, 10_000), 64, "tool pool, run processor",
    "tool calls in flight at once",
)  # fmt: skip
TOOL_LOG = Variable(
    "RUNFOLD_TOOL_LOG", choice("by_level", "end", "both"), "by_level", "tool pool, run processor",
    "what the log has of executions: what their level asks for, or more",
)  # fmt: skip
TOOL_DEATHS = Variable(
    "RUNFOLD_TOOL_DEATHS", number(1, 100), 3, "tool pool, run processor",
    "processes that may die of one call before it is not made any more",
)  # fmt: skip
TOOL_MEMORY = Variable(
    "RUNFOLD_TOOL_MEMORY_MB", number(16, 10_000_000), 4096, "tool pool, run processor",
    "MiB of address space that a call of a Python tool may take beyond what its module took",
)  # fmt: skip
TOOL_USER = Variable(
    "RUNFOLD_TOOL_USER", WORD, "", "tool pool, run processor",
    "whom Python tools run as where this process is root's", "the user of the process",
)  # fmt: skip
CALLS_SHARE = Variable(
    "RUNFOLD_CALLS_SHARE", number(1, 100), 75, "run processor, pools",
    "percent of the calls in flight that may be of one tool or model",
)  # fmt: skip
POOL_BACKLOG = Variable(
    "RUNFOLD_POOL_BACKLOG", number(1, 1_000_000), 2000, "pools",
    "calls that a pool has open, in flight or queued, before it reads no more",
)  # fmt: skip
POOL_BACKLOG_MB = Variable(
    "RUNFOLD_POOL_BACKLOG_MB", number(1, 100_000), 64, "pools",
    "megabytes of the records of these calls",
)  # fmt: skip
POOL_SHARE = Variable(
    "RUNFOLD_POOL_SHARE", number(1, 100), 25, "pools",
    "percent of these calls that may be queued for one tool or model; more of them are held, and "
    "handed out again later",
)  # fmt: skip
CLAIM_LEASE = Variable(
    "RUNFOLD_CLAIM_LEASE_S", decimal(0.1, 10_000), 10.0, "tool pool",
    "seconds a claim outlives its owner's last sign of life", "10",
)  # fmt: skip
SECRETS_FOLDER = Variable(
    "RUNFOLD_SECRETS_FOLDER", FOLDER, NO_PATH, "tool pool, run processor, gateway, delivery",
    "a folder with one file a secret, read where no `RUNFOLD_SECRET_<NAME>` is set", "none",
)  # fmt: skip
KEYS = Variable(
    "RUNFOLD_KEYS", KEYS_PLACE, "", "all but the monitor",
    "where the keys of sealed tenants are: `file:/path` or `vault:mount` ([sealing](sealing.md))",
    "none",
)  # fmt: skip
MODEL = Variable(
    "RUNFOLD_MODEL", WORD, "", "run processor, model pool",
    "what `default` means: `provider:model`, or `scripted`", "what is configured",
)  # fmt: skip
PROVIDERS = Variable(
    "RUNFOLD_PROVIDERS", TEXT, "", "run processor, model pool",
    "further providers by name, as YAML or the path of a YAML file ([models](models.md))", "none",
)  # fmt: skip
PRICES = Variable(
    "RUNFOLD_PRICES", TEXT, "", "run processor, model pool",
    "prices of your own, as YAML or the path of a YAML file ([models](models.md))",
    "the price catalogue",
)  # fmt: skip
MODEL_MEMORY = Variable(
    "RUNFOLD_MODEL_MEMORY_MB", number(512, 1_000_000), 2048, "run processor",
    "megabytes of address space for the child process that asks the providers and reads their "
    "answers",
)  # fmt: skip
OPENAI_API_KEY = Variable(
    "OPENAI_API_KEY", WORD, "", "run processor, model pool", "with it OpenAI is configured",
    "none", hidden,
)  # fmt: skip
OPENAI_BASE_URL = Variable(
    "OPENAI_BASE_URL", LINE, "", "run processor, model pool",
    "another server that speaks the same wire; ends in `/v1`", "OpenAI's own", without_password,
)  # fmt: skip
OPENAI_MODEL = Variable(
    "OPENAI_MODEL", LINE, "", "run processor, model pool", "its model for `default`",
    "`gpt-5-mini`",
)  # fmt: skip
MODEL_DELTAS = Variable(
    "RUNFOLD_MODEL_DELTAS", choice("off", "on"), "off", "run processor, model pool",
    "whether listeners of a run may see what a model says while it answers, where its agent asks "
    "for a stream ([HTTP](http.md#what-a-model-says-meanwhile))",
)  # fmt: skip
ANTHROPIC_API_KEY = Variable(
    "ANTHROPIC_API_KEY", WORD, "", "run processor, model pool", "with it Anthropic is configured",
    "none", hidden,
)  # fmt: skip
ANTHROPIC_BASE_URL = Variable(
    "ANTHROPIC_BASE_URL", LINE, "", "run processor, model pool",
    "another server that speaks the same wire; does not end in `/v1`", "Anthropic's own",
    without_password,
)  # fmt: skip
ANTHROPIC_MODEL = Variable(
    "ANTHROPIC_MODEL", LINE, "", "run processor, model pool", "its model for `default`",
    "`claude-sonnet-4-5`",
)  # fmt: skip
MONITOR_RULES = Variable(
    "RUNFOLD_MONITOR_RULES", FILES, (), "monitor", "rule files, commas between",
    "`processors/monitor/default.yaml`",
)  # fmt: skip
MONITOR_HOST = Variable(
    "RUNFOLD_MONITOR_HOST", WORD, "127.0.0.1", "monitor", "the address that its page is served on",
)  # fmt: skip
MONITOR_PORT = Variable(
    "RUNFOLD_MONITOR_PORT", number(1, 65535), NO_NUMBER, "monitor",
    "the port that its page is served on", "a free one",
)  # fmt: skip
MONITOR_STALL = Variable(
    "RUNFOLD_MONITOR_STALL_S", number(1, 3600), 60, "monitor",
    "seconds without progress until it ends, to be started again",
)  # fmt: skip
MONITOR_MEMORY = Variable(
    "RUNFOLD_MONITOR_MEMORY_MB", number(512, 1_000_000), 2048, "monitor",
    "MB of address space until it ends, to be started again",
)  # fmt: skip
MONITOR_ENDED = Variable(
    "RUNFOLD_MONITOR_ENDED", number(100, 10_000_000), 50_000, "monitor",
    "ended runs that it remembers, so that none counts twice",
)  # fmt: skip
MONITOR_SUBJECTS = Variable(
    "RUNFOLD_MONITOR_SUBJECTS", number(1, 10_000), 100, "monitor",
    "names of agents, models, tools and tenants each that it tells apart",
)  # fmt: skip
WORKSPACE = Variable(
    "RUNFOLD_WORKSPACE", FOLDER, NO_PATH, "`runfold`",
    "the folder that the examples' tools work in", "`workspace` in the home",
)  # fmt: skip
TENANT = Variable(
    "RUNFOLD_TENANT", LINE, "default", "`runfold`", "in whose name commands act: the tenant",
)  # fmt: skip
USER = Variable("RUNFOLD_USER", LINE, "me", "`runfold`", "in whose name commands act: the user")
ROLES = Variable(
    "RUNFOLD_ROLES", NAMES, NO_NAMES, "`runfold`",
    "the user's roles, for policies on who may publish, promote, approve and steer",
    "those of the token",
)  # fmt: skip
DEBUG = Variable(
    "RUNFOLD_DEBUG", ANY, False, "`runfold`",
    "with any value, a failure shows its traceback", "none",
)  # fmt: skip
KAFKA_JVM_OPTIONS = Variable(
    "RUNFOLD_KAFKA_JVM_OPTIONS", LINE, "", "`runfold up`",
    "further options of the embedded broker's JVM", "none",
)  # fmt: skip
MAVEN_MIRROR = Variable(
    "RUNFOLD_MAVEN_MIRROR", HTTP, "", "`runfold up`",
    "a mirror of Maven Central, from which Kafka's jars are fetched instead", "Maven Central",
    without_password,
)  # fmt: skip
JAVA_HOME = Variable(
    "JAVA_HOME", FOLDER, NO_PATH, "`runfold up`", "a Java of 17 or newer",
    "the environment's own",
)  # fmt: skip
READY_FILE = Variable(
    "RUNFOLD_READY_FILE", FOLDER, NO_PATH, "all but `runfold`",
    "a file that is touched when the process does its work", "none",
)  # fmt: skip
FAILPOINT = Variable(
    "RUNFOLD_FAILPOINT", WORD, "", "tests",
    "kills the process at a named step; never set it in production", "none",
)  # fmt: skip
