from rich.console import Console

from ntm.evaluation.report import all_models, one_model

ROW = {
    "sizes": {"items": 15},
    "memory_slots": 128,
    "sequences": 100,
    "seed": 1,
    "mean": 0.25,
    "median": 0.0,
    "worst": 9.0,
    "perfect": 0.97,
    "optimum": 0.0,
}
EVALUATION = {
    "task": "associative-recall",
    "unit": "wrong bits a sequence",
    "results": [ROW, ROW | {"sizes": {"items": 77}}],
}


def lines(table):
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in capture.get().splitlines()
        if line.startswith("│")
    ]


def test_one_model():
    cells = lines(one_model("recall/1", EVALUATION))
    assert cells[0] == ["items 15", "128", "100", "0.25", "0.00", "9.00", "97%", "0.00"]
    assert len(cells) == 2


def test_all_models_stand_beside_the_lstm_the_paper_and_the_best_peer():
    baseline = {"results": [ROW | {"mean": 7.5}]}
    cells = lines(all_models([("recall", EVALUATION, baseline), ("other", EVALUATION, None)]))
    assert cells[0] == [
        *("recall", "items 15", "128", "0.25", "0.00", "97%", "0.00"),
        *("7.50", "< 1 (FF)", "6.15"),
    ]
    assert cells[1][-3:] == ["", "", ""]  # nobody measured 77 items
    assert cells[2][:2] == ["other", "items 15"]
    assert cells[2][-3] == ""
