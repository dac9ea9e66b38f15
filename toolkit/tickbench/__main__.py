"""`python -m tickbench`."""

import sys

from tickbench.cli import main

sys.exit(main())
