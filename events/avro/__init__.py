"""The wire form: Avro schemas made from the classes, and the codec that writes and reads them."""
