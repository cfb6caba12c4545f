"""A Parquet file made piece by piece, with little of it in memory.

The same batches give the same bytes: nothing of the time or the machine is written, and row groups are cut by the
batches alone.
"""

from typing import Any, Final

from query_api.frames.arrow import Drained, arrow

MEDIA_TYPE: Final = "application/vnd.apache.parquet"

GROUP_ROWS: Final = 131_072
GROUP_BYTES: Final = 8 * 2**20
"""A row group is closed after the batch that reaches either: it is what a writer and a reader hold in memory."""

_COMPRESSION_LEVEL: Final = 3


class ParquetFile:
    """Takes batches of one schema, and hands out the file's bytes as they come to be."""

    def __init__(self, schema: Any) -> None:
        """Raises NotImplementedYet without pyarrow."""
        self._arrow = arrow()
        from pyarrow import parquet

        self._schema = schema
        self._out = Drained()
        self._writer = parquet.ParquetWriter(
            self._out, schema, compression="zstd", compression_level=_COMPRESSION_LEVEL, version="2.6"
        )
        self._batches: list[Any] = []
        self._rows = self._bytes = 0

    def add(self, batch: Any) -> bytes:
        """Put a record batch behind the others; the bytes that are final."""
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._write_group()
        return self._out.take()

    def end(self) -> bytes:
        """The rest of the bytes."""
        if self._batches:
            self._write_group()
        self._writer.close()
        return self._out.take()

    def _write_group(self) -> None:
        group = self._arrow.Table.from_batches(self._batches, self._schema).combine_chunks()
        self._batches.clear()
        self._writer.write_table(group, row_group_size=max(1, self._rows))
        self._rows = self._bytes = 0
