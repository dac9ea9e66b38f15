"""The engine with every stage compiled: one kernel from the bytes of a frame to the bytes of an order."""
