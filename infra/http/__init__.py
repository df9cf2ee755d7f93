"""HTTP answers of servers that are not ours."""
