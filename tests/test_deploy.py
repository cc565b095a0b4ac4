"""What lies in deploy/ fits the schemas of those who read it, as far as a package has them."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from service.api.health import router
from service.settings import Settings

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
