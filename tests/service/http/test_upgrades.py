"""Clients that offer HTTP/2 with a POST, as Java's HttpClient does, are answered on every route."""

import asyncio
import json
from pathlib import Path

from tests.service.bodies import body, draw
from tests.service.connections import Answer, listening, read_answer, request

OFFER = {
    "content-type": "application/json",
    "connection": "Upgrade, HTTP2-Settings",
    "upgrade": "h2c",
    "http2-settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
}


def test_a_body_with_an_offer_of_http_2_is_read(repository: Path, tmp_path: Path) -> None:
    async def main() -> list[Answer]:
        async with listening(repository, tmp_path) as server:
            reader, writer = await server.connect()

            async def post(path: str, fields: object) -> Answer:
                writer.write(request(path, OFFER, json.dumps(fields).encode()))
                return await read_answer(reader)

            session = await post("/sessions", {"model": "copy", "version": 1})
            steps = f"/sessions/{json.loads(session.content)['session_id']}/steps"
            tensor = {"name": "sequence", "shape": [3, 6], "datatype": "FP32"}
            inputs = [{**tensor, "data": draw(3).tolist()}]
            answers = [
                session,
                await post(steps, {"sequence": draw(3).tolist()}),
                await post("/predict", body(3)),
                await post("/v2/models/copy/infer", {"inputs": inputs}),
                await post("/v2/models/copy/versions/1/infer", {"inputs": inputs}),
            ]
            writer.close()
            return answers

    answers = asyncio.run(main())
    assert [answer.status for answer in answers] == [201, 200, 200, 200, 200]
    _, fed, predicted, inferred, _ = (json.loads(answer.content) for answer in answers)
    assert fed["outputs"] == predicted["outputs"]
    assert len(inferred["outputs"][0]["data"]) == 12
