"""How long tests wait: nothing but what is stuck for good takes this long, on the slowest and busiest machine."""

STUCK_S = 600
