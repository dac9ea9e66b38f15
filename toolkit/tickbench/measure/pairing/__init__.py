"""Two sides measured in turns on this machine: pairs of fresh processes, short ABBA blocks, inference across pairs."""
