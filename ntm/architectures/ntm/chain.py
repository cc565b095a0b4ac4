"""Eq. 5 to 9 as a chain: content, gated, shifted and last weighting, each with its control."""

from ntm.architectures.chain import Link

CHAIN = (
    Link("key_strength", "key strength β", "content_weighting", "content: softmax(β cos(k, M))"),
    Link(
        "gate", "gate g", "gated_weighting", "gated: g content + (1 - g) last weighting", high=1.0
    ),
    Link(
        "shift",
        "shift s",
        "shifted_weighting",
        "shifted: gated, moved around the circle by s",
        high=1.0,
    ),
    Link(
        "sharpening",
        "sharpening γ",
        "weighting",
        "weighting: shifted to the power γ, normalised",
        low=1.0,
    ),
)
