"""What a run's arrays tell beyond what they are: where a read came from, where two runs part, what
is odd. NumPy alone; the arrays go by the names that GET /trace gives them.
"""

from ntm.insight.difference import Difference, difference
from ntm.insight.examination import findings
from ntm.insight.findings import Finding
from ntm.insight.provenance import Part, Provenance, provenance
from ntm.measures.thresholds import Thresholds

__all__ = [
    "Difference",
    "Finding",
    "Part",
    "Provenance",
    "Thresholds",
    "difference",
    "findings",
    "provenance",
]
