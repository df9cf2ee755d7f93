"""The artifact port, with its forms in files and in memory."""
