"""Readers and writers compiled from the classes: Avro bytes to objects and back."""
