"""The page with a model whose task nobody here knows: there is no example, so one draws."""

from typing import Any

import pytest

from tests import small_unknown_task
from tests.service.running import serving
from tests.viewer.conftest import Windows


def test_it_runs_on_what_is_drawn(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("unknown")
    small_unknown_task.build(folder / "models")
    with serving(folder / "models", folder) as server:
        windows = Windows(browser, server.url)
        page = windows.open("/")
        page.get_by_role("button", name="Draw the input…").click()
        page.get_by_role("button", name="Run", exact=True).click()
        page.locator("ntm-track-stack").first.wait_for(state="visible")
        assert windows.errors == []
        for context in windows.contexts:
            context.close()
