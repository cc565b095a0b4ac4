"""How each shipped model was made: `ntm train copy` with its defaults is this recipe.

Packages add theirs as entry points of the group `ntm.recipes`, each naming a `Recipe`.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from ntm.training.recipe import OwnWrite, Polish, Recipe, Setting, StoryTraining


def _copy_lengths(*lengths: int, sequences: int = 100) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            sizes={"length": n},
            memory_slots=128 if n <= 120 else 1 << (n + 23).bit_length(),
            sequences=sequences,
        )
        for n in lengths
    )


def _recall_items(*settings: tuple[int, int], sequences: int = 100) -> tuple[Setting, ...]:
    """Rows of (items, memory slots)."""
    return tuple(
        Setting(sizes={"items": items}, memory_slots=slots, sequences=sequences)
        for items, slots in settings
    )


def _sort_items(*items: int, sequences: int = 100) -> tuple[Setting, ...]:
    return tuple(Setting(sizes={"items": n}, sequences=sequences) for n in items)


def _repeats(*settings: tuple[int, int], sequences: int = 100) -> tuple[Setting, ...]:
    """Rows of (length, repeats)."""
    return tuple(
        Setting(sizes={"length": length, "repeats": repeats}, sequences=sequences)
        for length, repeats in settings
    )


def _rounds(*settings: tuple[int, int], sequences: int = 100) -> tuple[Setting, ...]:
    """Rows of (sub-sequences, length)."""
    return tuple(
        Setting(sizes={"sub_sequences": rounds, "length": length}, sequences=sequences)
        for rounds, length in settings
    )


def _walks(*settings: tuple[int, int, int], sequences: int = 200) -> tuple[Setting, ...]:
    """Rows of (edges, edges of the walk, whether through a real map)."""
    return tuple(
        Setting(sizes={"edges": edges, "path": path, "underground": real}, sequences=sequences)
        for edges, path, real in settings
    )


LONG_STORIES = (2, 3, 5, 7, 8)  # of the bAbI tasks


def _babi_tasks(sequences: int) -> tuple[Setting, ...]:
    """Every task, with slots for the longest of its stories."""
    return tuple(
        Setting(
            sizes={"task": task},
            memory_slots=512 if task in LONG_STORIES else 64,
            sequences=sequences,
        )
        for task in range(1, 21)
    )


def _copy_steps(*lengths: int, sequences: int = 100) -> tuple[Setting, ...]:
    """Rows with a slot for every step, as a Transformer needs it."""
    return tuple(
        Setting(sizes={"length": n}, memory_slots=max(128, 2 * n + 2), sequences=sequences)
        for n in lengths
    )


_DECODER: dict[str, Any] = {  # how a decoder is trained
    "optimizer": "adamw",
    "warm_up": 100,
    "clip_norm": 1.0,
    "batch_size": 64,
    "updates": 3000,
}

_BABI_STORIES = StoryTraining(
    more_questions={4: 40_000, 17: 40_000, 19: 40_000, 16: 20_000},
    questions_a_story={4: 6, 19: 8},
    stories_a_draw={4: 4, 16: 3, 17: 3, 19: 3},  # short ones, and hard to learn
    supervision=0.3,
    untold=(7, 8),  # lists and counts rest on any number of facts
)

RECIPES: dict[str, Recipe] = {
    "copy": Recipe(
        task="copy",
        learning_rate=3e-3,
        updates=4000,
        seeds=4,
        memory_slots=(20, 40),  # so few that writing while answering hurts, and is unlearnt
        # else some seeds write the last item twice
        polish=Polish(updates=800, learning_rate=1e-3, rewriting=0.3),
        selection=(
            *_copy_lengths(60, 120, 1000, sequences=48),
            *_copy_lengths(4000, sequences=8),
        ),
        own_write=OwnWrite(share=0.95, settings=_copy_lengths(20, 60, sequences=8)),
        evaluation=_copy_lengths(1, 10, 20, 30, 50, 120, 1000),
        reach=_copy_lengths(10_000, sequences=8),
    ),
    "copy-feedforward": Recipe(
        task="copy",
        model={"controller": "feedforward"},
        learning_rate=3e-3,
        updates=4000,
        seeds=4,
        memory_slots=(20, 40),
        selection=_copy_lengths(60, 120, sequences=64),
        evaluation=_copy_lengths(1, 10, 20, 30, 50, 120, 1000),
    ),
    "lstm-copy": Recipe(
        task="copy",
        architecture="lstm/1",
        clip_norm=1.0,
        batch_size=32,
        updates=6000,
        selection=tuple(row.without_memory() for row in _copy_lengths(30, 50, sequences=64)),
        evaluation=tuple(
            row.without_memory() for row in _copy_lengths(1, 10, 20, 30, 50, 120, 1000)
        ),
    ),
    "transformer-copy": Recipe(
        task="copy",
        architecture="transformer/1",
        model={"position": "rotary"},
        **_DECODER,
        seeds=3,
        selection=_copy_steps(30, 50, sequences=64),
        evaluation=_copy_steps(1, 10, 20, 30, 50, 120, 1000),
    ),
    "transformer-copy-feedback": Recipe(
        task="copy",
        architecture="transformer/1",
        # heads as wide as two vectors have bits, of which half see the last 1, 2 and 3 steps
        model={"position": "hard_alibi", "feedback": True, "width": 96, "heads": 6},
        **_DECODER | {"batch_size": 32, "updates": 4000},
        seeds=3,
        selection=_copy_steps(30, 50, sequences=64),
        evaluation=_copy_steps(1, 10, 20, 30, 50, 120),
        reach=_copy_steps(1000, sequences=20),  # step by step over a cache of 2002
    ),
    "dnc-copy": Recipe(
        task="copy",
        architecture="dnc/1",
        model={
            "controller_size": 64,
            "W": 16,
            # by exact usage a slot's place in the free list hangs on how an engine rounds
            "usage_levels": 256,
            "sharp_links": True,  # as in the paper, a read fades from 0.9 of a slot to 0.1 in 100
        },
        learning_rate=3e-3,
        batch_size=32,
        updates=2000,
        memory_slots=(21, 32),
        selection=_copy_lengths(60, 120, sequences=48),
        evaluation=_copy_lengths(1, 10, 20, 30, 50, 120),
        reach=_copy_lengths(1000, sequences=16),  # 4 MB of links a sequence
    ),
    "dnc-reuse-copy": Recipe(
        task="reuse-copy",
        task_fields={"max_length": 10},
        architecture="dnc/1",
        model={
            "controller_size": 64,
            "N": 16,
            "W": 16,
            "usage_levels": 256,
            "deallocation": True,
            "sharp_links": True,
        },
        learning_rate=3e-3,
        batch_size=32,
        updates=4000,
        decay_updates=1500,
        memory_slots=(11, 16),  # so few that two sub-sequences do not fit
        selection=_rounds((8, 14), (40, 8), sequences=48),
        evaluation=_rounds((1, 14), (4, 8), (4, 14), (8, 14), (16, 14), (40, 8)),
    ),
    "dnc-graph": Recipe(
        task="graph",
        architecture="dnc/1",
        model={
            "controller_size": 128,
            "N": 40,
            "W": 48,
            "usage_levels": 256,
            "masking": True,
            "links": False,
        },
        learning_rate=2e-3,
        batch_size=32,
        updates=20_000,
        decay_updates=6000,
        selection=_walks((32, 4, 1), sequences=128),
        evaluation=_walks((8, 1, 0), (32, 1, 0), (32, 4, 0), (16, 4, 1), (32, 4, 1), (32, 8, 1)),
    ),
    "associative-recall": Recipe(
        task="associative-recall",
        learning_rate=3e-3,
        updates=4000,
        compile=True,
        selection=_recall_items((20, 128), (50, 256), (100, 512), sequences=64),
        evaluation=_recall_items(
            (6, 128), (10, 128), (12, 128), (15, 128), (20, 128), (30, 128), (50, 256), (100, 512)
        ),
    ),
    "priority-sort": Recipe(
        task="priority-sort",
        model={
            "controller_size": 128,
            "num_reads": 2,
            "num_writes": 2,
            "N": 64,
            "initial_memory": "positional",  # a learned one left 16 wrong bits, a constant one more
        },
        key_strength_bias=5.0,
        learning_rate=3e-3,
        batch_size=32,
        updates=60_000,
        decay_updates=20_000,
        compile=True,
        selection=_sort_items(20, 25, sequences=64),
        evaluation=_sort_items(5, 10, 20, 25, 30),
    ),
    "repeat-copy": Recipe(
        task="repeat-copy",
        model={"N": 32},  # a longer circle than it was trained on blurs the jump back
        key_strength_bias=5.0,  # the read head jumps back to the first vector by its content
        learning_rate=2e-3,
        clip_norm=5.0,
        batch_size=32,
        updates=20_000,
        decay_updates=12_000,  # counting to 10 over longer vectors: 28 wrong bits with 6,000
        memory_slots=(12, 24),
        # counted to 10 over longer vectors it said the end one round early, 19 times of 20
        polish=Polish(
            updates=2000,
            learning_rate=1e-3,
            task_fields={"max_length": 20},
            memory_slots=(32, 32),
        ),
        compile=True,
        selection=_repeats((10, 10), (20, 10), (10, 20), sequences=64),
        evaluation=_repeats((5, 5), (10, 10), (20, 10), (10, 15), (10, 20)),
    ),
    "dynamic-ngrams": Recipe(
        task="dynamic-ngrams",
        model={"initial_memory": "learned", "N": 64},  # a slot for each of 32 contexts, and room
        key_strength_bias=5.0,
        learning_rate=3e-3,
        clip_norm=0.2,  # one gradient of norm 9, clipped at 1, undid 1,800 updates
        batch_size=16,
        updates=10_000,
        compile=True,
        selection=(Setting(sizes={"length": 200}, sequences=500),),
        evaluation=tuple(
            Setting(sizes={"length": length}, sequences=1000) for length in (100, 200, 400)
        ),
    ),
    "babi": Recipe(
        task="babi",
        architecture="memory-network/1",
        model={
            "d": 96,
            "hops": 4,
            "ages": 256,
            "encoding": "learned",  # 22 % wrong after 360 updates, 33 % with the paper's
            "hop_maps": True,
            "half_relu": True,
        },
        learning_rate=2e-3,
        clip_norm=5.0,
        batch_size=48,
        updates=9000,
        stories=_BABI_STORIES.model_copy(update={"last_moves": True}),
        polish=Polish(updates=2000, learning_rate=1e-3, stories=_BABI_STORIES),
        selection=_babi_tasks(200),
        evaluation=_babi_tasks(1000),
    ),
}


def recipes() -> Mapping[str, Recipe]:
    """All recipes by name: those of this library, and those of packages."""
    return {**RECIPES, **_installed()}


@cache
def _installed() -> dict[str, Recipe]:
    return {entry.name: entry.load() for entry in entry_points(group="ntm.recipes")}
