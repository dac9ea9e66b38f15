"""A side of the pair protocol with a clock of its own: a round takes 1000 ns times FACTOR, with a little seeded noise.

Usage: pair_side.py FACTOR [digest=TEXT] [version=N] [garbage] [dies] [wrong=TEXT]
"""

import random
import sys

factor, *rest = sys.argv[1:]
options = dict(one.partition("=")[::2] for one in rest)
noise = random.Random(0)

for line in sys.stdin:
    word, *numbers = line.split()
    if word == "hello":
        answer = f"hello {options.get('version', '1')}"
    elif word == "check":
        answer = f"wrong {options['wrong']}" if "wrong" in options else f"digest {options.get('digest', 'same')}"
    elif word == "open":
        noise.seed(f"{numbers[0]}{factor}")
        answer = "ready 1"
    elif word == "turn":
        if "dies" in options:
            sys.exit("there is no more paper")
        answer = f"took {int(numbers[0]) * 1000 * float(factor) * noise.gauss(1, 0.01):.0f}"
        answer = "I am no protocol" if "garbage" in options else answer
    else:
        answer = {"histograms": "histograms -", "close": "closed"}[word]
    print(answer, flush=True)
