"""Renders a Helm chart: by helm where that is installed, else what our templates use of it."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ACTION = re.compile(r"\s*\{\{-(.*?)\}\}|\{\{(.*?)\}\}", re.DOTALL)


def render(chart: Path, **values: Any) -> list[dict[str, Any]]:
    """The manifests of a chart with some values in place of its own, `image__digest` and so on."""
    if shutil.which("helm"):
        chosen = [f"--set-json={key.replace('__', '.')}={yaml_of(v)}" for key, v in values.items()]
        command = ["helm", "template", "--kube-version", "1.34", "x", str(chart), *chosen]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [each for each in yaml.safe_load_all(text) if each]
    scope = {
        "Values": yaml.safe_load((chart / "values.yaml").read_text()),
        "Chart": {"AppVersion": yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"]},
        "Release": {"Name": "x"},
    }
    for key, value in values.items():
        *path, last = key.split("__")
        place = scope["Values"]
        for name in path:
            place = place[name]
        assert last in place, f"the chart has no value {key}"
        place[last] = value
    texts = [Template(path.read_text()).render(scope) for path in (chart / "templates").iterdir()]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def yaml_of(value: Any) -> str:
    """A value in JSON's spelling, which YAML takes too."""
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()


class Template:
    """A template with `if`, `else`, `range $name, $value :=`, `toYaml | nindent` and `quote`."""

    def __init__(self, text: str) -> None:
        self._parts: list[str | tuple[str, ...]] = []
        at = 0
        for found in ACTION.finditer(text):
            self._parts += [text[at : found.start()], tuple((found[1] or found[2]).split())]
            at = found.end()
        self._parts.append(text[at:])

    def render(self, scope: dict[str, Any]) -> str:
        """The text for these values."""
        text, end = self._block(0, scope)
        assert end == len(self._parts), "there is an end too many"
        return text

    def _block(self, at: int, scope: dict[str, Any]) -> tuple[str, int]:
        """What is there up to an else or end, and the place of that."""
        text = ""
        while at < len(self._parts):
            part = self._parts[at]
            at += 1
            if isinstance(part, str):
                text += part
                continue
            match part:
                case ("if", *condition):
                    yes, at = self._block(at, scope)
                    no = ""
                    if self._parts[at] == ("else",):
                        no, at = self._block(at + 1, scope)
                    at += 1
                    text += yes if self._holds(condition, scope) else no
                case ("range", _, _, ":=", path):
                    start = at
                    _, at = self._block(start, {**scope, "$name": "", "$value": ""})
                    at += 1
                    for name, value in look_up(path, scope).items():
                        text += self._block(start, {**scope, "$name": name, "$value": value})[0]
                case ("else",) | ("end",):
                    return text, at - 1
                case ("toYaml", path, "|", "nindent", indent):
                    lines = yaml.safe_dump(look_up(path, scope)).splitlines()
                    text += "".join("\n" + " " * int(indent) + line for line in lines)
                case (path,):
                    text += str(look_up(path, scope))
                case (path, "|", "quote"):
                    text += json.dumps(str(look_up(path, scope)))
                case _:
                    raise AssertionError(f"not known here: {part}")
        return text, at

    def _holds(self, condition: list[str], scope: dict[str, Any]) -> bool:
        if condition[0] == "not":
            return not look_up(condition[1], scope)
        (path,) = condition
        return bool(look_up(path, scope))


def look_up(path: str, scope: dict[str, Any]) -> Any:
    """A value by its path: .Values.image.tag, or $name."""
    value: Any = scope
    for name in path.removeprefix(".").split("."):
        assert name in value, f"the chart has no value {path}"
        value = value[name]
    return value
