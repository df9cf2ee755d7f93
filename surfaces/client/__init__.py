"""Runs over HTTP with the interface of those over Kafka: ``runfold.connect_http``."""
