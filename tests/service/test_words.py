"""A model that is asked in words over HTTP: answers, hops, unknown words, sessions."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
import torch
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor

from ntm.architectures.memory_network.model import MemoryNetwork
from ntm.client import Client
from ntm.export.write import export_onnx
from ntm.repository import checkpoint
from ntm.repository.folders import VersionFolder
from ntm.tasks import Babi
from service.inspection import insight
from service.inspection.replay import Replay, begin
from service.memory import Budget
from service.models import served
from service.records import trace as traces
from service.scheduling.cores import Cores
from service.scheduling.walk import Segment, Terms, Walk
from service.settings import Settings
from tests import small_models
from tests.service.running import serving

TASK = Babi()
STORY = [
    "Mary went to the kitchen.",
    "John journeyed to the garden.",
    "Mary took the milk there.",
    "Mary went back to the office.",
]
QUESTION = "Where is the milk?"


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> VersionFolder:
    """A random model with the vocabulary of the bAbI tasks, and one without any."""
    torch.manual_seed(3)
    model = MemoryNetwork(
        input_size=TASK.input_size, output_size=TASK.output_size, d=8, hops=2, N=6, ages=9
    ).eval()
    with torch.no_grad():
        model.embedding.mul_(6)
    models = tmp_path_factory.mktemp("words") / "models"
    saved = checkpoint.save(models / "random-babi" / "1", model, TASK, {"seed": 3})
    export_onnx(saved)
    export_onnx(small_models.save(models, "copy"))
    return saved


@pytest.fixture(scope="module")
def client(
    version: VersionFolder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("service")
    with serving(version.path.parents[1], folder) as server, server.client() as client:
        yield client


def ask(client: httpx.Client, text: list[str], **fields: Any) -> Any:
    answer = client.post("/predict", json={"model": "random-babi", "text": text, **fields})
    assert answer.is_success, answer.text
    return answer.json()


def expected(version: VersionFolder, text: list[str], slots: int = 6) -> Any:
    """The model's own run of a text, in PyTorch."""
    rows = torch.from_numpy(TASK.vocabulary.encode(text).inputs)
    with torch.inference_mode():
        return checkpoint.load(version).unroll(rows, record="addressing", memory_slots=slots)


def test_an_answer_has_words_probabilities_and_hops(
    client: httpx.Client, version: VersionFolder
) -> None:
    text = [*STORY, QUESTION]
    answer, run = ask(client, text), expected(version, text)
    probabilities = run.outputs[-1, 0].numpy()
    best = [TASK.vocabulary.answers[n] for n in np.argsort(-probabilities)[:5]]
    assert answer["answer"] == best[0]
    assert list(answer["probabilities"]) == best
    for word, told in answer["probabilities"].items():
        exact = probabilities[TASK.vocabulary.answers.index(word)]
        assert told == pytest.approx(exact, abs=1e-5)
    assert len(answer["hops"]) == TASK.vocabulary.silence
    for hop, seen in enumerate(answer["hops"][:2]):
        attention = run.record["attention"][5 + hop, 0, 0].numpy()
        assert [one["number"] for one in seen] == np.argsort(-attention)[: len(seen)].tolist()
        for one in seen:
            assert one["sentence"] == STORY[one["number"]]
            assert one["weight"] == pytest.approx(attention[one["number"]], abs=1e-5)
    assert answer["hops"][2:] == [[], []], "this model has two hops"
    assert "read_weightings" not in answer
    trace = client.get(f"/trace/{answer['trace_id']}", params={"include": "inputs"}).json()
    inputs = np.array(trace["inputs"], np.float32)
    np.testing.assert_array_equal(inputs, TASK.vocabulary.encode(text).inputs)


def test_several_questions_are_answered_each_from_what_was_told_before(
    client: httpx.Client,
) -> None:
    both = ask(client, [*STORY[:2], QUESTION, *STORY[2:], QUESTION])
    first, second = both["answers"]
    for one, text in ((first, STORY[:2]), (second, STORY)):
        alone = ask(client, [*text, QUESTION])
        assert one["question"] == QUESTION
        assert one["probabilities"] == alone["probabilities"]
        assert one["hops"] == alone["hops"]
    assert both["answer"] == second["answer"]
    assert both["probabilities"] == second["probabilities"]


def test_a_story_told_in_a_session_is_asked_and_told_on(client: httpx.Client) -> None:
    session = client.post("/sessions", json={"model": "random-babi"}).json()["session_id"]
    path = f"/sessions/{session}/steps"
    for sentence in STORY[:3]:
        told = client.post(path, json={"text": [sentence]}).json()
        assert told["steps"] == 1
        assert "answer" not in told
    asked = client.post(path, json={"text": [QUESTION]}).json()
    whole = ask(client, [*STORY[:3], QUESTION])
    assert asked["probabilities"] == whole["probabilities"]
    assert [[one["weight"] for one in hop] for hop in asked["hops"]] == [
        [one["weight"] for one in hop] for hop in whole["hops"]
    ]
    sentences = {one["sentence"] for hop in asked["hops"] for one in hop}
    assert sentences <= set(STORY[:3])
    again = client.post(path, json={"text": [QUESTION], "position": 3}).json()
    assert again == asked
    on = client.post(path, json={"text": [STORY[3], QUESTION]}).json()
    assert (
        on["probabilities"]
        == ask(client, [*STORY[:3], QUESTION, STORY[3], QUESTION])["answers"][1]["probabilities"]
    )


def test_a_text_of_more_sentences_than_slots_gets_more_slots(
    client: httpx.Client, version: VersionFolder
) -> None:
    long = [*STORY * 75, QUESTION]
    answer = ask(client, long)
    assert answer["memory_slots"] == 320
    run = expected(version, long, 320)
    best = TASK.vocabulary.answer(run.outputs[-1, 0].numpy())
    assert answer["answer"] == best
    assert ask(client, long, memory_slots=8)["memory_slots"] == 8


def test_a_ring_of_few_slots_tells_the_sentences_that_are_in_it(client: httpx.Client) -> None:
    answer = ask(client, [*STORY, QUESTION], memory_slots=3)
    numbers = {one["number"] for hop in answer["hops"] for one in hop}
    assert numbers
    assert numbers <= {1, 2, 3}


@pytest.mark.parametrize(
    ("head", "change", "told"),
    [
        ("write.0", {"write_weighting": [0, 0, 0, 0, 0, 1]}, False),  # into another slot
        ("write.0", {"add": [0.5] * 24}, False),
        (None, {"memory": 0.0}, False),
        (None, {"input": [0.0] * TASK.input_size}, False),
        ("read.0", {"attention": [1, 0, 0, 0, 0, 0]}, True),
    ],
)
def test_hops_are_told_only_while_slots_hold_the_sentences_told(
    client: httpx.Client, head: str | None, change: dict[str, Any], told: bool
) -> None:
    step = 5 if told else 1
    item = {"steps": step, "set": change} | ({"head": head} if head else {})
    answer = ask(client, [*STORY, QUESTION], interventions=[item])
    assert ("no hops: interventions changed" in answer.get("warning", "")) != told
    assert any(answer["hops"]) == told
    assert answer["answer"] in TASK.vocabulary.answers
    if told:
        assert answer["hops"][0] == [{"sentence": STORY[0], "number": 0, "weight": 1.0}]


@pytest.mark.parametrize(
    ("body", "status", "code", "says"),
    [
        ({"text": ["Marry wnet home.", "Where is Mary?"]}, 422, "unknown_word",
         "'marry' (nearest: mary"),
        ({"text": STORY}, 422, "no_question", "a sentence with a question mark"),
        ({"text": []}, 422, "empty_sequence", "text should have at least one step"),
        ({"text": "Where is Mary?"}, 422, "invalid_request", "text should be a valid list"),
        ({"text": [1, "Where is Mary?"]}, 422, "invalid_request", "text[0] should be"),
        ({"text": ["...", "Where is Mary?"]}, 422, "invalid_request", "no word in '...'"),
        ({"text": [QUESTION], "sequence": [[0.0]]}, 422, "invalid_request", "send one of them"),
        ({"text": [QUESTION], "model": "copy"}, 422, "no_vocabulary", "has no vocabulary"),
        ({"text": [QUESTION], "wrods": 3}, 422, "unknown_field", "unknown field 'wrods'"),
        ({"text": [QUESTION] * 60_000}, 422, "too_many_steps", "text should have at most"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_asked_is_one_sentence(
    client: httpx.Client, body: dict[str, Any], status: int, code: str, says: str
) -> None:
    answer = client.post("/predict", json={"model": "random-babi", **body})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert says in answer.json()["error"]


def test_a_session_refuses_unknown_words_and_stays_as_it_was(client: httpx.Client) -> None:
    session = client.post("/sessions", json={"model": "random-babi"}).json()["session_id"]
    path = f"/sessions/{session}/steps"
    refused = client.post(path, json={"text": ["Mary went to the moon."]})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_word")
    assert client.get(f"/sessions/{session}").json()["position"] == 0


def infer(client: httpx.Client, tensor: dict[str, Any], behind: bytes | None = None) -> Any:
    """An inference over /v2, its body in JSON or with bytes behind it."""
    path, entry = "/v2/models/random-babi/infer", {"name": "text", "datatype": "BYTES", **tensor}
    outputs = [{"name": name} for name in ("answer", "outputs")]
    if behind is None:
        return client.post(path, json={"inputs": [entry], "outputs": outputs})
    asked = {"inputs": [entry], "outputs": outputs, "parameters": {"binary_data_output": True}}
    text = orjson.dumps(asked)
    headers = {"Inference-Header-Content-Length": str(len(text))}
    return client.post(path, content=text + behind, headers=headers)


def test_v2_takes_strings_and_gives_them(client: httpx.Client) -> None:
    text = [*STORY[:2], QUESTION, *STORY[2:], QUESTION]
    own = ask(client, text)
    expected = [one["answer"] for one in own["answers"]]
    answer = infer(client, {"shape": [len(text)], "data": text}).json()
    told, numbers = answer["outputs"]
    assert (told["name"], told["datatype"], told["shape"]) == ("answer", "BYTES", [2])
    assert told["data"] == expected
    np.testing.assert_array_equal(
        np.array(numbers["data"], np.float32).reshape(numbers["shape"]),
        np.array(own["outputs"], np.float32),
    )
    packed = serialize_byte_tensor(np.array(text, np.object_)).item()
    entry = {"shape": [1, len(text)], "parameters": {"binary_data_size": len(packed)}}
    raw = infer(client, entry, packed)
    length = int(raw.headers["Inference-Header-Content-Length"])
    told = orjson.loads(raw.content[:length])["outputs"][0]
    assert told["shape"] == [1, 2]
    data = raw.content[length : length + told["parameters"]["binary_data_size"]]
    assert deserialize_bytes_tensor(data).tolist() == [word.encode() for word in expected]
    listed = client.get("/v2/models/random-babi").json()
    assert [tensor["name"] for tensor in listed["inputs"]] == ["sequence", "text"]
    assert listed["outputs"][-1] == {"name": "answer", "datatype": "BYTES", "shape": [-1, -1]}
    assert [t["name"] for t in client.get("/v2/models/copy").json()["inputs"]] == ["sequence"]


@pytest.mark.parametrize(
    ("tensor", "behind", "says"),
    [
        ({"shape": [1], "data": ["Where is Marry?"]}, None, "'marry' (nearest: mary"),
        ({"shape": [1], "data": STORY[:1]}, None, "question mark"),
        ({"shape": [2], "data": [QUESTION]}, None, "has 2 elements, got 1"),
        ({"shape": [1], "data": [3]}, None, "should hold strings, got 3"),
        ({"shape": [2, 1], "data": [QUESTION] * 2}, None, "[sentences] or [1, sentences]"),
        ({"shape": [1], "data": [QUESTION], "datatype": "FP32"}, None, "should be BYTES"),
        ({"shape": [1], "parameters": {"binary_data_size": 5}}, b"\x09\0\0\0a", "ends within"),
        ({"shape": [1], "parameters": {"binary_data_size": 5}}, b"\x01\0\0\0\xff", "not UTF-8"),
        ({"shape": [1], "parameters": {"binary_data_size": 9}}, b"\x01\0\0\0a", "says 9, and 5"),
    ],
)  # fmt: skip
def test_v2_refuses_strings_in_one_sentence(
    client: httpx.Client, tensor: dict[str, Any], behind: bytes | None, says: str
) -> None:
    answer = infer(client, tensor, behind)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_an_answer_owes_its_margin_to_sentences(client: httpx.Client) -> None:
    answer = ask(client, [*STORY, QUESTION])
    path = f"/trace/{answer['trace_id']}/margin"
    told = client.get(path).json()
    first, second = list(answer["probabilities"].items())[:2]
    assert (told["answer"], told["runner_up"]) == (first[0], second[0])
    assert told["margin"] == pytest.approx(np.log(first[1] / second[1]), abs=1e-4)
    assert told["error"] < 1e-4
    assert sum(part["share"] for part in told["parts"]) == pytest.approx(told["margin"], abs=1e-9)
    assert (told["step"], told["question"]) == (8, 4)
    for part in told["parts"]:
        slot = part["slot"]
        assert part["sentence"] == (None if slot is None else f"{STORY[slot]}")
        assert len(part["by_hop"]) == (0 if slot is None else 2)
    owed = [part["slot"] for part in told["parts"] if part["slot"] is not None]
    for fact in range(4):
        odd = client.get(path, params={"support": str(fact)}).json()["findings"]
        slugs = [one["slug"] for one in odd]
        towards = [part for part in told["parts"] if part["kind"] == "slot" and part["share"] > 0]
        best = max(towards, key=lambda part: part["share"])["slot"] if towards else fact
        assert ("answer_from_another_sentence" in slugs) == (best != fact)
        seen = max(
            (one["weight"] for hop in answer["hops"] for one in hop if one["number"] == fact),
            default=0.0,
        )
        assert ("fact_not_looked_at" in slugs) == (seen <= 0.5)
        story = sum(part["share"] for part in told["parts"] if part["kind"] == "slot")
        assert ("answer_without_story" in slugs) == (story <= 0)
    assert sorted(owed) == [0, 1, 2, 3]
    refused = client.get(path, params={"support": "4"})
    assert "sentences from 0 to 3, got 4" in refused.json()["error"]
    for step, says in ((2, "no question was asked before"), (9, "should be below 9")):
        refused = client.get(path, params={"step": step})
        assert refused.status_code == 422
        assert says in refused.json()["error"]
    example = client.get("/models/copy/example?length=2").json()
    other = client.post("/predict", json=example).json()["trace_id"]
    refused = client.get(f"/trace/{other}/margin")
    assert (refused.status_code, "not split for ntm/1" in refused.json()["error"]) == (422, True)


def test_silence_after_an_answer_is_not_held_whole(
    version: VersionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = served.load(version, Settings(), lambda model, chunk: None, Cores(1), Budget(2**30))
    rows = TASK.vocabulary.encode([*STORY, QUESTION]).inputs
    held: list[int] = []
    advance = Replay.advance

    async def watched(self: Replay, stop: int, fields: Any = ()) -> Any:
        tensors = await advance(self, stop, fields)
        held.append(len(tensors.get("memory", ())))
        return tensors

    async def split(silence: int) -> Any:
        inputs = np.pad(rows, ((0, silence), (0, 0)))
        walk = Walk(inputs, 6, [Segment("predict", len(inputs))])
        outputs = (await loaded.scheduler.walk(walk, Terms(30))).outputs
        trace = traces.record(loaded, inputs, None, 6, outputs, 0.0)
        return await insight.margin(await begin(trace, loaded, 30), len(inputs) - 1, [1])

    monkeypatch.setattr(Replay, "advance", watched)
    try:
        soon, late = asyncio.run(split(0)), asyncio.run(split(50))
    finally:
        loaded.scheduler.close()
    assert max(held) == 3  # the question and two hops
    assert soon == late


def test_words_and_numbers_give_the_same(client: httpx.Client) -> None:
    text = [*STORY, QUESTION]
    rows = TASK.vocabulary.encode(text).inputs.tolist()
    body = {"model": "random-babi", "sequence": rows, "include": ["read_weightings"]}
    numbers = client.post("/predict", json=body).json()
    words = ask(client, text, include=["read_weightings"])
    assert words["outputs"] == numbers["outputs"]
    assert words["read_weightings"] == numbers["read_weightings"]
    assert "answer" not in numbers


def test_the_client_asks_in_words(client: httpx.Client) -> None:
    told = ask(client, [*STORY, QUESTION])
    with Client(str(client.base_url)) as ours:
        answer = ours.ask("random-babi", " ".join([*STORY, QUESTION]))
        assert (answer.question, answer.answer) == (QUESTION, told["answer"])
        assert answer.probabilities == told["probabilities"]
        assert [[seen._asdict() for seen in hop] for hop in answer.hops] == told["hops"]
        with ours.session("random-babi") as session:
            assert session.feed(text=STORY).answer is None
            assert session.ask(QUESTION).hops == answer.hops
            both = session.feed(text=[QUESTION, QUESTION])
    assert [one.question for one in both.answers] == [QUESTION, QUESTION]
