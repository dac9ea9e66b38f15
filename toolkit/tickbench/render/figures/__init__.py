"""Figures for papers and slides, drawn from the view of a run; one file a kind. This file imports nothing, for `--help`."""

KINDS = ("percentiles", "heatmap", "forest", "waterfall", "scaling", "history")
