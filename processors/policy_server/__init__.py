"""Policy servers that speak OPA's REST API, asked for a run about its calls."""
