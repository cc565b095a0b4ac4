"""The page's modules keep to the types that their JSDoc tells."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.viewer.conftest import ROOT

OPTIONS = [
    *("--noEmit", "--allowJs", "--checkJs", "--strict", "--noUnusedLocals"),
    *("--target", "es2023", "--lib", "es2023,dom,dom.iterable"),
    *("--module", "es2022", "--moduleResolution", "bundler"),
]


def compiler(folder: Path) -> str:
    """TypeScript's compiler, installed into a folder that goes away if there is none."""
    if found := os.environ.get("TSC") or shutil.which("tsc"):
        return found
    if not shutil.which("npm"):
        pytest.skip("neither tsc nor npm is installed")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "typescript"]
    try:
        done = subprocess.run(install, capture_output=True, timeout=300)
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not get typescript within 120 s")
    if done.returncode:
        pytest.skip(f"npm could not install typescript: {done.stderr.decode()[-200:]}")
    return str(folder / "node_modules" / ".bin" / "tsc")


def test_types(tmp_path: Path) -> None:
    run = [compiler(tmp_path), *OPTIONS, str(ROOT / "service" / "viewer" / "main.js")]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
