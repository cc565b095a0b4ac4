"""`ntm serve --cluster`, cluster.yaml, and what is imported when."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command_line import ROOT
from tests.service.bodies import body
from tests.service.redis_server import free_port
from tests.service.running import CLEAN, PATIENCE, serving

pytestmark = [
    pytest.mark.xdist_group("ray"),  # one cluster at a time
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason="ray is not installed ([cluster])"
    ),
]
CONFIG = yaml.safe_load((ROOT / "cluster.yaml").read_text())


@pytest.fixture(scope="module")
def few(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model: every model is a process of its own, and every process takes its time."""
    folder = tmp_path_factory.mktemp("commands") / "models"
    shutil.copytree(repository / "copy" / "1", folder / "copy" / "1")
    return folder


def test_ntm_serve_cluster(few: Path, tmp_path: Path) -> None:
    """It starts a Ray of its own, and ends it."""
    told = {"port": free_port(), "engine": "onnx"}
    with serving(few, tmp_path, ["--cluster"], **told) as server, server.client() as client:
        answer = client.post("/predict", json=body())
        assert answer.status_code == 200, answer.text
        assert client.get(f"/trace/{answer.json()['trace_id']}").status_code == 200
        server.process.terminate()
        assert server.process.wait(PATIENCE) == 0, server.log.read_text()


def schema() -> Any:
    """Ray Serve's own."""
    from ray.serve.schema import ServeDeploySchema

    return ServeDeploySchema


def test_the_configuration_is_one_that_ray_serve_takes() -> None:
    from service.cluster import Arguments
    from service.cluster.autoscaling import STEPS_PER_REPLICA

    told = schema().model_validate(CONFIG)
    (application,) = told.applications
    assert Arguments(**application.args).steps_per_replica == STEPS_PER_REPLICA
    commented = (ROOT / "cluster.yaml").read_text().partition("      # - name:")
    lines = (commented[1] + commented[2]).splitlines()
    gpu = "\n".join(line.replace("      # ", "", 1) for line in lines)
    deployments = yaml.safe_load(gpu)
    application = CONFIG["applications"][0]
    whole = {**application, "deployments": application["deployments"] + deployments}
    schema().model_validate({**CONFIG, "applications": [whole]})
    assert deployments[0]["ray_actor_options"]["num_gpus"] == 0.5


def test_the_policy_asks_for_as_many_replicas_as_steps_need() -> None:
    from service.cluster.autoscaling import QueuedSteps

    class Measured:
        current_num_replicas = 1
        total_num_requests = 0.0
        capacity_adjusted_min_replicas = 0
        capacity_adjusted_max_replicas = 4
        aggregated_metrics: dict[str, dict[Any, float]] | None = None

    policy, measured = QueuedSteps(100), Measured()
    assert policy(measured)[0] == 0
    measured.total_num_requests = 1
    assert policy(measured)[0] == 1
    for queued, wanted in (((50, 50), 1), ((50, 51), 2), ((300, 0), 3), ((900, 900), 4)):
        measured.aggregated_metrics = {"queued_steps": dict(enumerate(queued))}
        assert policy(measured)[0] == wanted


def test_nothing_of_ray_or_redis_is_imported_unless_it_is_used(
    repository: Path, tmp_path: Path
) -> None:
    code = """
import sys
from pathlib import Path
import ntm.cli, service.command, service.process.workers
from service.app import create_app
from service.settings import Settings
create_app(Settings(models=Path(sys.argv[1]), data=Path(sys.argv[2])))
assert not {"ray", "redis", "grpc"} & {name.partition(".")[0] for name in sys.modules}
"""
    command = [sys.executable, "-c", code, str(repository), str(tmp_path)]
    done = subprocess.run(command, env=CLEAN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "store"), [(["--cluster"], ""), ([], "redis://127.0.0.1:1/0")]
)
def test_what_is_not_installed_is_named(
    arguments: list[str], store: str, repository: Path, tmp_path: Path
) -> None:
    code = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("ray", "redis"):
            raise ModuleNotFoundError(name, name=name)


import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda n, p=None: None if n in ("ray", "redis") else found(n, p)
sys.meta_path.insert(0, Absent())
from ntm.cli import main
main()
"""
    settings = {"MODELS": repository, "DATA": tmp_path, "PORT": 0, "STORE": store}
    environment = CLEAN | {f"NTM_{name}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-c", code, "serve", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 1
    assert "pip install 'neural-turing-machine[cluster]'" in done.stderr
    assert "Traceback" not in done.stderr
