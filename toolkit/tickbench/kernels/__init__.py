"""What native code is written with: jit options, atomics, memory blocks, locks, the clock, the HDR recorder."""
