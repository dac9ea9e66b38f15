"""Market data in: raw exchange captures and a synthetic generator, decoded once to arrays and cached on disk.

Importing this package loads neither numpy nor the decoder: both come with the first `open_feed`.
"""

from tickbench.feeds.model import Feed, FeedReport, FeedTraits, SequenceGap
from tickbench.feeds.source import measure_traits, open_feed

__all__ = ["Feed", "FeedReport", "FeedTraits", "SequenceGap", "measure_traits", "open_feed"]
