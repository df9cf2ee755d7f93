"""The engine's shell on Kafka: lanes, transactions, restore, the routing of inputs."""
