"""Deployments that demand everything of who comes: TLS, passwords, rights, signatures."""
