"""Model providers over HTTP: settings, wires, transport, faults."""
