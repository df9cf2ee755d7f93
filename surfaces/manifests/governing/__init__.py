"""Manifests of policies and of tenants' use."""
