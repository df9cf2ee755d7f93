"""Events as they come, as Server-Sent Events: of one run to its end, or of a tenant's runs."""
