"""Bearer tokens of identity providers: JWTs, verified by the keys that their issuer publishes."""
