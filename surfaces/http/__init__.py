"""The gateway: the use cases over HTTP. It owns no state: any number of them serve a deployment."""
