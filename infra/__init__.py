"""What every process stands on: settings, logging, metrics, tracing, the end of a stuck process."""
