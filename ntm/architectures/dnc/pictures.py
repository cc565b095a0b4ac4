"""The pictures of a DNC in the paper of 2016: how memory is allocated, and how reads find it."""

from ntm.architectures.picture import Picture, Row

INPUTS = Row("inputs", "channels", {"inputs": ""})
OUTPUTS = Row("outputs", "channels", {"outputs": ""})
WRITES = Row("write weightings", "slots", {"write_weightings": ""})
READS = Row("read weightings", "slots", {"read_weightings": ""})

PICTURES = {
    "allocation": Picture(
        "how memory is allocated and freed",
        (
            INPUTS,
            OUTPUTS,
            WRITES,
            READS,
            Row("usage u of each slot", "slots", {"writes.usage": ""}),
            Row("slots in use: the sum of u", "total", {"writes.usage": ""}),
            Row(
                "gates of the write head",
                "curves",
                {
                    "addressing.write.allocation_gate": "allocation g^a",
                    "addressing.write.write_gate": "write g^w",
                },
            ),
            Row("free gates of the read heads", "curves", {"addressing.read.free_gate": "free f"}),
        ),
    ),
    "modes": Picture(
        "how the read heads found their place",
        (
            INPUTS,
            OUTPUTS,
            WRITES,
            Row("backward: the slot written before", "slots",
                {"addressing.read.backward_weighting": ""}),
            Row("content: slots like the key", "slots",
                {"addressing.read.read_content_weighting": ""}),
            Row("forward: the slot written next", "slots",
                {"addressing.read.forward_weighting": ""}),
            Row("read modes π", "shares",
                {"addressing.read.read_mode": "backward, content, forward"}),
            READS,
        ),
    ),
}  # fmt: skip
