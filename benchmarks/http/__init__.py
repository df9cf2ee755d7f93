"""How fast a gateway is: requests, streams, idle listeners, pages; clients are other processes."""
