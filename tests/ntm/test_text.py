"""Text in files is UTF-8 whatever the locale, and a file that cannot be written is one sentence."""

import ast
import subprocess
from pathlib import Path

import pytest

from ntm.repository.folders import read_json, write_json
from tests.command_line import ENVIRONMENT, NTM, ROOT, ntm

ASCII = ENVIRONMENT | {
    "LC_ALL": "C",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
}
SOURCES = sorted(path for name in ("ntm", "service") for path in (ROOT / name).rglob("*.py"))
TEXT = {"read_text", "write_text"}


def in_the_locales_encoding(call: ast.Call) -> bool:
    """True for a call that reads or writes text and does not say how."""
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    opens_text = name == "open" and any(keyword.arg == "newline" for keyword in call.keywords)
    return name in TEXT or opens_text


def test_every_text_file_says_its_encoding() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        assert not [ast.unparse(c) for c in calls if in_the_locales_encoding(c)], path


def test_a_word_of_any_language_is_written_in_a_locale_of_ascii(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys; from ntm.repository.folders import write_json; "
        "write_json(pathlib.Path(sys.argv[1]), {'name': 'gr\\xf6\\xdfe'})"
    )
    path = tmp_path / "config.json"
    subprocess.run([NTM[0], "-c", code, path], env=ASCII, check=True)
    assert read_json(path) == {"name": "größe"}
    write_json(path, {"name": "größe"})
    assert path.read_bytes().decode() == '{\n  "name": "größe"\n}\n'


def test_a_run_is_drawn_outside_of_utf_8() -> None:
    command = [*NTM, "predict", str(ROOT / "models" / "copy"), "--length", "3", "--show"]
    done = subprocess.run(command, env=ASCII, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"#" in done.stdout
    assert b"?" not in done.stdout


@pytest.mark.parametrize("command", ["trace", "plot", "export", "train"])
def test_what_cannot_be_written_is_one_sentence(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "below" / "out.png"
    sizes = ["--steps", "2"] if command == "export" else ["--length", "2"]
    model = [ROOT / "models" / "copy", *sizes]
    if command == "train":
        model = ["copy", "--updates", "1"]
    done = ntm(command, *model, "--out", out)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert str(tmp_path / "file") in done.stderr


@pytest.mark.parametrize("command", ["trace", "plot"])
def test_the_folder_to_write_into_is_made(tmp_path: Path, command: str) -> None:
    out = tmp_path / "new" / "folder" / "out.png"
    done = ntm(command, ROOT / "models" / "copy", "--length", "2", "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.exists()
