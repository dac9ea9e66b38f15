"""What the workloads of several components are made of: timed batches, timed operations, threads."""
