"""Claims: a side effect happens once for its idempotency key. A port, its forms, its SQL."""
