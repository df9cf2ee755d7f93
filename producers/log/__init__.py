"""The log port and its forms: on Kafka, and in memory."""
