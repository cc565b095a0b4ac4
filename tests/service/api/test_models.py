"""GET /models: what is served, and a request made for it."""

import httpx
import numpy as np
import pytest

from ntm.signature import Signature
from tests import small_models
from tests.service.bodies import array


def test_every_model_is_listed_with_its_versions(client: httpx.Client) -> None:
    told = client.get("/models").json()
    assert {m["name"]: m["versions"] for m in told["models"]} == {
        "copy": [1, 2],
        "learned": [1],
        "odd": [1],
        "wide": [1],
    }
    assert told["broken"] == []
    wide = next(m for m in told["models"] if m["name"] == "wide")
    assert wide["heads"] == {"read": 2, "write": 2}
    assert (wide["engine"], wide["device"]) == ("native", "cpu")
    assert (wide["input_size"], wide["output_size"], wide["memory_slots"]) == (6, 4, 10)


def test_a_model_tells_its_signature_config_and_example_sizes(client: httpx.Client) -> None:
    told = client.get("/models/wide").json()
    signature = Signature.model_validate(told["signature"])
    assert signature.shifts == (-2, -1, 0, 1, 2)
    assert told["config"]["sizes"]["M"] == 5
    assert told["config"]["task"]["name"] == "copy"
    assert told["evaluation"] is None
    assert told["card"] is None
    assert told["example_sizes"]["length"]["low"] == 1
    assert client.get("/models/copy").json()["version"] == 2
    assert client.get("/models/copy?version=1").json()["version"] == 1


def test_a_model_tells_its_table_of_stages(client: httpx.Client) -> None:
    told = client.get("/models/wide").json()["signature"]
    assert told["reads_see"] == "before"
    written = {"erase": "erase", "add": "add", "retention": None, "columns": []}
    assert told["written"] == written
    table = {stage["name"]: stage for stage in told["stages"]}
    shift = {key: table["shift"][key] for key in ("owner", "kind", "group", "shape", "bounds")}
    assert shift == {
        "owner": "heads",
        "kind": "distribution",
        "group": "addressing",
        "shape": [4, 5],
        "bounds": [0, 1],
    }
    assert [name for name, stage in table.items() if stage["owner"] == "write"] == ["erase", "add"]
    assert not table["content_weighting"]["pinnable"]
    assert table["weighting"]["pinnable"]


@pytest.mark.parametrize("length", [1, 5, 300])
@pytest.mark.parametrize("name", ["copy", "wide"])
def test_an_example_is_a_request_as_it_is(client: httpx.Client, name: str, length: int) -> None:
    example = client.get(f"/models/{name}/example?seed=4&length={length}").json()
    answer = client.post("/predict", json=example)
    assert answer.status_code == 200
    assert 0 <= answer.json()["wrong_bits"] <= 4 * length
    assert answer.json()["memory_slots"] == (512 if length == 300 else example["memory_slots"])


def test_an_example_is_the_task_as_the_paper_has_it(client: httpx.Client) -> None:
    example = client.get("/models/copy/example?seed=4&length=5").json()
    sequence = array(example["sequence"])
    assert sequence.shape == (12, 6)
    assert sequence[0].tolist() == [0, 0, 0, 0, 1, 0]
    assert sequence[6].tolist() == [0, 0, 0, 0, 0, 1]
    assert example["target"][:7] == [None] * 7
    assert np.array_equal(array(example["target"][7:]), sequence[1:6, :4])


def test_an_example_depends_on_its_seed_alone(client: httpx.Client) -> None:
    one, again, two = (
        client.get(f"/models/copy/example?seed={seed}&length=9").json() for seed in (1, 1, 2)
    )
    assert one == again
    assert one["sequence"] != two["sequence"]
    default = client.get("/models/copy/example").json()
    assert len(default["sequence"]) == 2 * small_models.TASK.max_length + 2


def test_an_example_fits_a_model_with_a_learned_memory(client: httpx.Client) -> None:
    example = client.get("/models/learned/example?length=50").json()
    assert example["memory_slots"] == 7
    assert client.post("/predict", json=example).status_code == 200
