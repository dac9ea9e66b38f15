"""What a report says, as typed objects: every number is computed here, and pages, figures and tables only place it."""
