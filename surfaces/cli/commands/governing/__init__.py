"""Commands about who may do what: access, keys, policies, switches, tenants."""
