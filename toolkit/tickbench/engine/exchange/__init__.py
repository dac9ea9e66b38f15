"""The exchange: replays a feed, takes orders, fills them after a delay, and measures from its own clock."""
