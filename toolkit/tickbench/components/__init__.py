"""What an engine optimises: for each component its contract, its workloads and its oracle."""
