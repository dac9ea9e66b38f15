"""Charts of the page: pure functions from a part of the view to shapes with places, which a template only puts down.

Own SVG and no library: a suite has hundreds of charts that must follow dark mode, stay small and be drawn in a second.
"""
