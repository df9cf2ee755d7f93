"""What waiting costs: beside a slow tool, in an outage, at a deployment."""
