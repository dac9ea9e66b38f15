"""From a scenario to numbers: plan, worker processes, what disturbed them, and where they ran."""
