"""What the embedded broker is told: the defaults of Kafka are made for clusters."""

from __future__ import annotations

from pathlib import Path

_SMALL = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=3000
group.consumer.min.heartbeat.interval.ms=200
group.consumer.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=1
num.io.threads=2
message.max.bytes=16777216
replica.fetch.max.bytes=16777216
# A killed broker is let in again only when this is over. One that is late by so much loses every
# partition until it is heard again, which on a busy machine happened over and over at 500 ms.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=300
# Half of what an idle broker costs is a record to itself twice a second, so that others see it lag.
metadata.max.idle.interval.ms=5000
controller.quorum.election.timeout.ms=100
controller.quorum.fetch.timeout.ms=200
controller.quorum.election.backoff.max.ms=50
controlled.shutdown.enable=true
"""

_LOGGING = """\
Configuration:
  status: ERROR
  Appenders:
    RollingFile:
      name: file
      fileName: "{log}"
      filePattern: "{log}.%i"
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
      Policies:
        SizeBasedTriggeringPolicy:
          size: 16MB
      DefaultRolloverStrategy:
        max: 2
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        - ref: file
"""


def properties(port: int, controller_port: int, data: Path) -> str:
    """Return the server.properties of a lone broker on the loopback."""
    broker, controller = f"127.0.0.1:{port}", f"127.0.0.1:{controller_port}"
    return (
        _SMALL + f"controller.quorum.voters=1@{controller}\n"
        f"listeners=PLAINTEXT://{broker},CONTROLLER://{controller}\n"
        f"advertised.listeners=PLAINTEXT://{broker}\n"
        f"log.dirs={data}\n"
    )


def logging(log: Path) -> str:
    """Return the log4j2 configuration that writes INFO and above to one file."""
    return _LOGGING.format(log=log)
