"""From the last landed release to this code and back, with runs under way."""
