"""What every gateway of a deployment shares: API keys, and which requests were made already."""
