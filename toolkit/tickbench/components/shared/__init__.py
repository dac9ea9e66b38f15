"""What the workloads of several components are made of: timed batches, threads, messages."""
