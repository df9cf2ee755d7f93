"""The secrets port, with its forms in the environment, in files, in a Vault and in memory."""
