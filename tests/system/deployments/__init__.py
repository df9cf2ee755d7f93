"""Two deployments that meet on one cluster."""
