"""What people touch: the command line, manifests, audits."""
