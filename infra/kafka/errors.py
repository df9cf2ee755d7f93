"""What goes wrong with a Kafka cluster, by what its caller has to do.

KafkaUnfitError        stop: somebody must change a setting, here or at the brokers
└── UnreachableError   retry a little, then stop: brokers name addresses that do not answer
KafkaAwayError         retry: nobody answers for now
"""

from __future__ import annotations

from runfold.infra.settings.errors import ConfigError


class KafkaUnfitError(ConfigError):
    """The cluster cannot be used as it is set; the message says why, and what to change."""


class UnreachableError(KafkaUnfitError):
    """The address that was given answers; those that the brokers advertise do not."""


class KafkaAwayError(Exception):
    """Nobody answers at the address of the brokers, and somebody may later."""
