"""Documents that describe the API."""
