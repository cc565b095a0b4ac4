"""A story on the page: its sentences as slots, its hops, answers that change as it is edited."""

from typing import Any

import httpx
from playwright.sync_api import expect

from tests.viewer.conftest import Windows

OPENED = "ntm-story tbody tr"


def answer_of(api: httpx.Client, text: list[str]) -> Any:
    body = {"model": "babi", "text": text, "record": False}
    return api.post("/predict", json=body).json()


def lines(page: Any) -> list[str]:
    return [field.input_value() for field in page.locator("ntm-story tbody input").all()]


def test_a_story_is_asked_again_whenever_it_changes(windows: Windows, api: httpx.Client) -> None:
    page = windows.open("/?view=story", wait=OPENED)
    stories = api.get("/models/babi").json()["stories"]
    assert len(stories) == 10
    assert page.locator("#story-story option").all_inner_texts()[:10] == [
        story["title"] for story in stories
    ]
    page.get_by_label("Story", exact=True).select_option(label=stories[1]["title"])
    text = stories[1]["text"]
    own = answer_of(api, text)
    said = page.locator("ntm-story").get_by_role("status")
    expect(said).to_contain_text(own["answer"])
    assert lines(page) == text

    asked = page.locator("ntm-story tbody strong")
    expect(asked).to_have_text([one["answer"] for one in own["answers"]])
    last = own["answers"][-1]
    assert page.locator("ntm-story thead th").count() == 2 + len(last["hops"])
    for hop, seen in enumerate(last["hops"]):
        told = {one["number"]: one["weight"] for one in seen}
        column = page.locator(f"ntm-story tbody tr:has(.hop) td:nth-child({hop + 3})")
        weights = [float(cell.get_attribute("data-weight")) for cell in column.all()]
        assert weights == [told.get(slot, 0) for slot in range(len(weights))]

    changed = page.get_by_label("sentence 1", exact=True)
    changed.fill("Mary went to the garden.")
    edited = ["Mary went to the garden.", *text[1:]]
    again = answer_of(api, edited)
    expect(asked).to_have_text([one["answer"] for one in again["answers"]])
    page.get_by_role("button", name="Delete sentence 4").click()
    left = [sentence for sentence in edited if sentence != "Mary went back to the office."]
    without = answer_of(api, left)
    expect(asked).to_have_text([one["answer"] for one in without["answers"]])
    was = [one["answer"] for one in again["answers"]]
    now = [one["answer"] for one in without["answers"]]
    for before, after in zip(was, now, strict=True):
        assert before == after or page.get_by_text(f"was {before}").count() > 0

    page.get_by_role("button", name="Move down sentence 1").click()
    expect(page.locator("ntm-story tbody input").nth(1)).to_have_value(left[0])
    page.get_by_role("button", name="Show the hops of question 1").click()
    first = page.locator("ntm-story tr[aria-current]")
    expect(first.get_by_label("question 1", exact=True)).to_have_value("Where is the milk?")


def test_unknown_words_are_said_and_a_story_of_ones_own_begins_empty(windows: Windows) -> None:
    windows.expected = ("422",)
    page = windows.open("/?view=story", wait=OPENED)
    page.get_by_label("sentence 1", exact=True).fill("Marry went to the moon.")
    expect(page.locator("ntm-story").get_by_role("alert")).to_contain_text("'marry' (nearest: mary")
    page.get_by_label("Story", exact=True).select_option(label="one of your own")
    expect(page.locator("ntm-story tbody input")).to_have_count(2)
    expect(page.locator("ntm-story").get_by_role("status")).to_contain_text("Add a question")
    page.get_by_role("button", name="Add a question").click()
    expect(page.get_by_label("question 1", exact=True)).to_be_focused()
