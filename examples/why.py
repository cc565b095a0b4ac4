"""Which earlier writes did the content of a read come from? Asked of a trace, with the library."""

import sys

from ntm.client import Client
from ntm.insight import provenance

URL = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000"
INCLUDE = "read_weightings,write_weightings,writes,reads,memory"

with Client(URL) as client:
    answer = client.predict("copy", client.example("copy", seed=3).sequence)
    assert answer.trace_id is not None
    trace = client.trace(answer.trace_id, include=INCLUDE)

step = len(trace) - 1
told = provenance(trace.arrays, step, limit=5)
print(f"the read at step {step} is the sum of {len(told.parts) + told.rest[0]} parts:")
for part in told.parts:
    print(f"  {part.share:6.1%} {part.kind} at step {part.step}, slot {part.slot}")
