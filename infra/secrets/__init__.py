"""The secrets port, with its forms in the environment, in files and in memory."""
