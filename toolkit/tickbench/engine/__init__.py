"""The reference engine and the exchange that drives it, or any other engine, over WebSockets."""
