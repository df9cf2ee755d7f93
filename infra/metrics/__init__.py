"""The table of metrics, their bounded labels, and the port that serves them."""
