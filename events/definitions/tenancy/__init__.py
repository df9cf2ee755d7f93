"""What is said of tenants: policies of use, delegations, keys, holds."""
