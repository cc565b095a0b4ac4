"""From where on a finding is one: every number, its meaning and its default."""

from pydantic import BaseModel, ConfigDict, Field

LARGEST = 1_000_000


class Thresholds(BaseModel):
    """The thresholds of all findings; their names start as the finding's does."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    diffuse_slots: float = Field(
        default=4.0,
        ge=1,
        le=LARGEST,
        description="diffuse_focus: exp(entropy of w) above this many slots",
    )
    diffuse_steps: int = Field(
        default=3, ge=1, le=LARGEST, description="diffuse_focus: for this many steps"
    )
    frozen_moved: float = Field(
        default=0.01, ge=0, le=1, description="frozen_head: w moves no more of its sum than this"
    )
    frozen_steps: int = Field(
        default=5, ge=1, le=LARGEST, description="frozen_head: for this many steps"
    )
    jumping_slots: int = Field(
        default=2,
        ge=0,
        le=LARGEST,
        description="jumping_head: the peak moves further than this many slots",
    )
    jumping_times: int = Field(default=2, ge=1, le=LARGEST, description="jumping_head: this often")
    saturated_margin: float = Field(
        default=0.01, ge=0, le=0.5, description="saturated_gate: g this close to 0, or to 1"
    )
    saturated_share: float = Field(
        default=0.5, ge=0, le=1, description="saturated_gate: for this share of all steps"
    )
    uniform_evenness: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="uniform_content: exp(entropy of w^c) above this share of N",
    )
    uniform_gate: float = Field(
        default=0.5, ge=0, le=1, description="uniform_content: where g lets in this much of w^c"
    )
    uniform_steps: int = Field(
        default=3, ge=1, le=LARGEST, description="uniform_content: for this many steps"
    )
    written_weight: float = Field(
        default=0.5, gt=0, le=1, description="a write is one where w of a slot reaches this"
    )
    written_add: float = Field(
        default=0.05,
        ge=0,
        le=LARGEST,
        description="a write is one where w times the mean |a| reaches this",
    )
    read_weight: float = Field(
        default=0.1, gt=0, le=1, description="a slot is read where a read head's w reaches this"
    )
    overwritten_kept: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="overwritten_before_read: later erases leave less than this of a write",
    )
    alike_cosine: float = Field(
        default=0.8, ge=-1, le=1, description="slots_alike: mean cosine of written slots above this"
    )
    alike_slots: int = Field(
        default=4,
        ge=2,
        le=LARGEST,
        description="slots_alike: this many slots have been written at least",
    )
    undershoot_peak: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="undershoot: less of w~ than this is where w then has its peak",
    )
    undershoot_restored: float = Field(
        default=0.9, ge=0, le=1, description="undershoot: the peak of w reaches this"
    )
    undershoot_times: int = Field(default=2, ge=1, le=LARGEST, description="undershoot: this often")
    unused_margin: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="unused_freeing, unused_links: never more than this",
    )
    unused_steps: int = Field(
        default=10, ge=1, le=LARGEST, description="unused_*: in a run of this many steps"
    )
    diluted_growth: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="diluted_attention: exp(entropy of w) as the steps so far to this power",
    )
    diluted_steps: int = Field(
        default=10,
        ge=1,
        le=LARGEST,
        description="diluted_attention: above diffuse_slots at this many steps",
    )
    fixed_share: float = Field(
        default=0.9, ge=0, le=1, description="fixed_offset: for this share of all steps"
    )
    fixed_steps: int = Field(
        default=5, ge=1, le=LARGEST, description="fixed_offset: at this many steps"
    )
    induction_offset: int = Field(
        default=2, ge=1, le=LARGEST, description="induction_head: at least this many steps ago"
    )
    induction_steps: int = Field(
        default=5, ge=2, le=LARGEST, description="induction_head: for this many steps"
    )
    focused: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="frozen_head, jumping_head, fixed_offset, induction_head: the peak of w "
        "reaches this",
    )
