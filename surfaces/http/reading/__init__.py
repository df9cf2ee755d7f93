"""What is read of a request: bodies, contents, headers, cursors."""
