"""Clients of Kafka whose users write plain names while brokers see those of one deployment."""
