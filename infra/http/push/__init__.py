"""Web push: messages encrypted for one browser (RFC 8291), from a named sender (RFC 8292)."""
