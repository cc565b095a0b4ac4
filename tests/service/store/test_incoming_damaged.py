"""Damaged records of traces on their way into the table cost themselves and no other."""

import asyncio
import marshal
import os
import zlib
from pathlib import Path

import pytest

from service.errors import UnknownTrace
from service.store.bundles import bundle
from service.store.damage import Damage
from service.store.incoming import Incoming
from service.store.records import FORMAT, Row, record_of
from tests.service.store.test_incoming import connected, files, row, take
from tests.service.store.test_store import Clock, ids, named, open_file, trace

JUNK = {
    "a flipped bit in a body": lambda record: record[:30] + bytes([record[30] ^ 4]) + record[31:],
    "a flipped bit in a length": lambda record: bytes([record[0] ^ 64]) + record[1:],
    "a flipped bit in a checksum": lambda record: record[:5] + bytes([record[5] ^ 1]) + record[6:],
    "a cut record": lambda record: record[:-5],
    "zeros": lambda record: bytes(len(record)),
    "nothing": lambda record: b"",
    "no marshal": lambda record: checked(b"\xff\xfe\xfd"),
    "no rows": lambda record: checked(marshal.dumps(["row", 1], FORMAT)),
    "code": lambda record: checked(marshal.dumps(compile("1", "", "eval"), FORMAT)),
}


def checked(body: bytes) -> bytes:
    """A record with a right checksum."""
    return len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("is_finished", [False, True])
@pytest.mark.parametrize("kind", JUNK)
def test_what_lies_behind_a_damaged_record_is_read(
    tmp_path: Path, kind: str, is_finished: bool
) -> None:
    """It is set aside in a file beside, also where the process that appended still lives."""
    damage = Damage(tmp_path / "d")
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i", damage=damage)
    rows = [(f"{number}", b"[(\xdb" * 40, number) for number in range(5)]
    for each in rows:
        incoming.append(each)
    if is_finished:
        incoming.close()
    (path,) = files(tmp_path)
    records = [record_of((each,)) for each in rows]
    junk = JUNK[kind](records[2])
    path.write_bytes(b"".join([*records[:2], junk, *records[3:]]))
    assert take(incoming, connection) == [*rows[:2], *rows[3:]]
    assert incoming.is_empty()
    aside = [file.read_bytes() for file in tmp_path.glob("d.damaged.*")]
    assert aside == ([junk] if junk else [])
    assert damage.count == len(aside)
    assert (files(tmp_path) == []) == is_finished


def test_damage_at_the_end_of_a_living_file_waits(tmp_path: Path) -> None:
    """It may be a record that is just being written."""
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    incoming.append(row(1))
    (path,) = files(tmp_path)
    with path.open("ab") as file:
        file.write(record_of((row(2),))[:-3])
    assert take(incoming, connection) == [row(1)]
    incoming.append(row(3))
    assert take(incoming, connection) == [row(3)]


def test_what_is_no_file_of_ours_is_not_waited_for(tmp_path: Path) -> None:
    connection, incoming = connected(tmp_path), Incoming(tmp_path / "i")
    os.mkfifo(tmp_path / "i.pipe")
    (tmp_path / "i.folder").mkdir()
    (tmp_path / "i.link").symlink_to("gone")
    incoming.append(row(1))
    assert take(incoming, connection) == [row(1)]
    assert incoming.is_empty()


def test_unusable_rows_disturb_no_other_trace(tmp_path: Path) -> None:
    """Rows with a right checksum: of other columns, other types, or blobs that are no arrays."""
    good, other = (bundle([trace(number)], "") for number in (1, 2))
    rows: list[Row] = [
        (1,),
        (None,) * len(other),
        tuple(other._replace(traces="no JSON")),
        tuple(other._replace(traces="[[1,2,3,4,5]]")),
        tuple(other._replace(version=2**64)),
        tuple(other._replace(model="\ud800")),
        tuple(other._replace(created_at=float("nan"))),
        tuple(other._replace(inputs=b"no array")),
        tuple(good),
    ]
    (tmp_path / "t.sqlite.incoming").write_bytes(b"".join(record_of((each,)) for each in rows))
    database, store = open_file(tmp_path / "t.sqlite", Clock())

    async def read() -> None:
        assert await ids(store) == [named(2), named(1)]
        assert (await store.get(named(1))).trace_id == named(1)
        with pytest.raises(UnknownTrace):
            await store.get(named(2))
        with pytest.raises(UnknownTrace):
            await store.delete(named(2))
        await store.put(trace(3))
        assert (await store.get(named(3))).trace_id == named(3)
        await store.close()

    asyncio.run(read())
    database.close()
