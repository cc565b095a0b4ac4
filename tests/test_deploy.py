"""What lies in deploy/ fits the schemas of those who read it, and starts as they would start it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.api.health import router
from service.process.workers import KILL_AFTER
from service.settings import Settings
from tests import compiled
from tests.chart import render
from tests.command_line import NTM, ROOT
from tests.service.bodies import body
from tests.service.conftest import redis, shared_redis
from tests.service.redis_server import RedisServer
from tests.service.running import CLEAN, Server, await_ready

__all__ = ["redis", "shared_redis"]

DEPLOY = Path(__file__).parent.parent / "deploy"
PATHS = {getattr(route, "path", None) for route in router.routes}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


@pytest.mark.parametrize("name", ["kubernetes/deployment.yaml", "kubernetes/redis.yaml"])
def test_kubernetes_takes_it(name: str) -> None:
    for document in documents(name):
        kubernetes_validate.validate(document, "1.34", strict=True)


def test_a_wrong_field_would_be_found() -> None:
    wrong = documents("kubernetes/deployment.yaml")[0]
    wrong["spec"]["template"]["spec"]["containers"][0]["prots"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.34", strict=True)


def test_the_container_of_kserve_is_one_that_kubernetes_takes() -> None:
    """KServe's own schema comes with no package that fits here; a container is Kubernetes'."""
    (service,) = documents("kubernetes/kserve.yaml")
    pod = {"containers": service["spec"]["predictor"]["containers"]}
    wrapped = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}
    kubernetes_validate.validate(wrapped, "1.34", strict=True)


def containers() -> list[dict[str, Any]]:
    deployment, *_ = documents("kubernetes/deployment.yaml")
    (service,) = documents("kubernetes/kserve.yaml")
    specs = deployment["spec"]["template"]["spec"], service["spec"]["predictor"]
    return [container for spec in specs for container in spec["containers"]]


def test_probes_and_settings_are_those_that_the_service_has() -> None:
    for container in containers():
        for probe in ("readinessProbe", "livenessProbe"):
            if probe in container:
                assert container[probe]["httpGet"]["path"] in PATHS
        for told in container["env"]:
            assert told["name"].removeprefix("NTM_").lower() in Settings.model_fields
    composed = documents("compose.yaml")[0]["services"]["ntm"]["environment"]
    assert composed == {"NTM_STORE": "redis://redis:6379/0"}
    deployment = documents("kubernetes/deployment.yaml")[0]["spec"]["template"]["spec"]
    drain = Settings.model_fields["drain_timeout"].default
    assert deployment["terminationGracePeriodSeconds"] > drain + 5


KUBERNETES = ("kubernetes/deployment.yaml", "kubernetes/kserve.yaml", "kubernetes/redis.yaml")


def pods(name: str) -> Iterator[dict[str, Any]]:
    """The specification of every pod that a file makes."""
    for document in documents(name):
        if document["kind"] == "InferenceService":
            yield document["spec"]["predictor"]
        elif "template" in document["spec"]:
            yield document["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", KUBERNETES)
def test_a_container_may_do_nothing_but_what_it_needs(name: str) -> None:
    """As Kubernetes' own standard for pods calls "restricted", and a root that is read only."""
    for pod in pods(name):
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not container["image"].endswith(":latest")
            assert "/data" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_the_pod_of_kserve_is_one_that_kubernetes_takes() -> None:
    fields = ("containers", "volumes", "securityContext", "enableServiceLinks")
    (predictor,) = pods("kubernetes/kserve.yaml")
    pod = {name: predictor[name] for name in fields}
    wrapped = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}
    kubernetes_validate.validate(wrapped, "1.34", strict=True)


CHART = DEPLOY / "helm" / "ntm"
DIGEST = "sha256:" + "1" * 64
EVERYTHING = {
    "image__digest": DIGEST,
    "autoscaling__enabled": False,
    "grpc__enabled": True,
    "keysSecret": "keys",
    "storeSecret": "redis",
    "env": {"NTM_DEVICE": "cuda", "NTM_THREADS": 2},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
}


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["as it is", "with everything"])
def test_kubernetes_takes_what_the_chart_makes(values: dict[str, Any]) -> None:
    manifests = {each["kind"]: each for each in render(CHART, **values)}
    for manifest in manifests.values():
        kubernetes_validate.validate(manifest, "1.34", strict=True)
    expected = {"Deployment", "Service"} | (set() if values else {"HorizontalPodAutoscaler"})
    assert manifests.keys() == expected
    deployment = manifests["Deployment"]["spec"]
    assert ("replicas" in deployment) == bool(values)
    pod = deployment["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["terminationGracePeriodSeconds"] > Settings.model_fields["drain_timeout"].default + 5
    (container,) = pod["containers"]
    assert container["image"] == (f"ntm@{DIGEST}" if values else "ntm:0.2.0")
    assert container["securityContext"]["readOnlyRootFilesystem"]
    for told in container["env"]:
        assert told["name"].removeprefix("NTM_").lower() in Settings.model_fields
    for probe in ("readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] in PATHS
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    ports = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in manifests["Service"]["spec"]["ports"]} == ports
    labels = deployment["template"]["metadata"]["labels"]
    assert manifests["Service"]["spec"]["selector"] == labels
    assert deployment["selector"]["matchLabels"] == labels


def test_systemd_starts_the_command_and_waits_for_its_end() -> None:
    unit = (DEPLOY / "systemd" / "ntm.service").read_text()
    told = dict(line.split("=", 1) for line in unit.splitlines() if re.match(r"\w+=", line))
    assert told["ExecStart"].split()[1:] == ["serve"]
    assert int(told["TimeoutStopSec"]) > Settings.model_fields["drain_timeout"].default + KILL_AFTER
    for variable in told["Environment"].split():
        name = variable.partition("=")[0]
        assert not name.startswith("NTM_") or name[4:].lower() in Settings.model_fields


def test_what_compose_starts_has_a_root_that_is_read_only() -> None:
    for service in documents("compose.yaml")[0]["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_a_number_and_as_any_user_of_group_0() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER \d+:0$", dockerfile, re.MULTILINE)
    assert re.search(r"install -d -o ntm -g 0 -m 2770 /data", dockerfile)


def of_the_image() -> dict[str, str]:
    """The variables that the Dockerfile sets."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    told = (line.removeprefix("ENV ").split() for line in lines if line.startswith("ENV "))
    return dict(entry.split("=", 1) for entries in told for entry in entries)


def links(name: str) -> dict[str, str]:
    """What Kubernetes sets in every pod for the Services of a file, and for one called `ntm`."""
    services = [d["metadata"]["name"] for d in documents(name) if d["kind"] == "Service"]
    found = {}
    for number, service in enumerate([*services, "ntm"]):
        begin, address = service.upper().replace("-", "_"), f"10.96.12.{number}"
        found |= {
            f"{begin}_SERVICE_HOST": address,
            f"{begin}_SERVICE_PORT": "80",
            f"{begin}_SERVICE_PORT_HTTP": "80",
            f"{begin}_PORT": f"tcp://{address}:80",
            f"{begin}_PORT_80_TCP": f"tcp://{address}:80",
            f"{begin}_PORT_80_TCP_PROTO": "tcp",
            f"{begin}_PORT_80_TCP_PORT": "80",
            f"{begin}_PORT_80_TCP_ADDR": address,
        }
    return found


@pytest.mark.parametrize("name", KUBERNETES[:2])
def test_a_pod_starts_as_it_would_and_starts_again(
    repository: Path, redis: RedisServer, tmp_path: Path, name: str
) -> None:
    """With the image's variables, its own, and the links of the pods that were there before.

    A second start of the same container finds its data folder, and the first one's trace.
    """
    (container,) = next(pods(name))["containers"]
    here = {
        "NTM_HOST": "127.0.0.1",
        "NTM_MODELS": str(repository),
        "NTM_DATA": str(tmp_path / "data"),
        "NTM_COMPILED": str(compiled.FOLDER),
        "NTM_STORE": redis.url,
        "PATH": CLEAN["PATH"],
    }
    own = {told["name"]: told["value"] for told in container["env"]}
    assert own.keys() <= here.keys()
    environment = CLEAN | of_the_image() | links(name) | own | here
    arguments = container.get("args", ["serve"])
    assert "command" not in container  # else it is no `ntm` that is started
    traces: list[str] = []
    for start in range(2):
        with (tmp_path / f"log-{start}").open("wb") as log:
            process = subprocess.Popen(
                [*NTM, *arguments, "--port", "0"], env=environment, stdout=log, stderr=log
            )
        try:
            ask(await_ready(process, tmp_path / f"log-{start}"), container, traces)
        finally:
            process.kill()
            process.wait(300)


def ask(server: Server, container: dict[str, Any], traces: list[str]) -> None:
    """Probe and predict; traces of before are there; SIGTERM ends it well."""
    with server.client() as client:
        for probe in ("readinessProbe", "livenessProbe"):
            if probe in container:
                assert client.get(container[probe]["httpGet"]["path"]).status_code == 200
        traces.append(client.post("/predict", json=body()).json()["trace_id"])
        for trace in traces:
            assert client.get(f"/trace/{trace}").status_code == 200
    assert server.stop() == 0
