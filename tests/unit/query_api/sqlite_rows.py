"""A read model in memory whose rows a test writes itself."""

import math
import sqlite3
import weakref
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cache
from typing import Any

import orjson
from sqlalchemy import create_mock_engine
from sqlalchemy.engine.mock import MockConnection

from query_api.dialect import Dialect
from query_api.documents import KeyedDocument
from query_api.port import FirstRows, ReadModel, Row, is_storable_key
from query_api.sqlite.dialect import SQLITE
from query_api.sqlite.read_model import first_rows, short_values
from query_api.sqlite.text_match import register_functions
from read_model import tables as read_model
from schemas.mlflow import is_prompt_marker

FAR_BACK_US = 1


@cache
def _without_rows() -> bytes:
    """A database with all tables, to be copied: ten times as fast as to make them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        engine: MockConnection = create_mock_engine(
            "sqlite://", lambda statement, *_: connection.execute(str(statement.compile(dialect=engine.dialect)))
        )
        read_model.metadata.create_all(engine, checkfirst=False)
        return connection.serialize()


class SqliteRows(ReadModel):
    """The read-model port over one in-memory database, with methods that write rows the way the fold does."""

    def __init__(self) -> None:
        # Closed when nobody holds it any more, in whichever thread.
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self.connection.close)
        self.connection.deserialize(_without_rows())
        register_functions(self.connection)
        self.statements: list[str] = []

    @property
    def dialect(self) -> Dialect:
        return SQLITE

    async def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self.statements.append(sql)
        return self.connection.execute(sql, tuple(parameters)).fetchall()

    async def fetch_short(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row] | None:
        self.statements.append(sql)
        return short_values(self.connection, sql, tuple(parameters))

    async def fetch_first(self, sql: str, parameters: Sequence[Any] = ()) -> FirstRows:
        self.statements.append(sql)
        return first_rows(self.connection.execute(sql, tuple(parameters)))

    async def document(self, wanted: KeyedDocument, key: str | int) -> bytes | None:
        if not is_storable_key(key):
            return None
        rows = await self.fetch(SQLITE.documents.by_key(wanted), (key,))
        return rows[0][0] if rows else None

    async def close(self) -> None:
        self.connection.close()

    def clear(self) -> None:
        """Be without rows again."""
        for table in read_model.metadata.sorted_tables:
            self.connection.execute(f"DELETE FROM {table.name}")

    def insert(self, table: str, **columns: Any) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" for _ in columns)
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))

    def experiment(self, experiment_id: int, **columns: Any) -> None:
        defaults = {
            "name": f"experiment {experiment_id}",
            "artifact_location": f"mlflow-artifacts:/{experiment_id}",
            "lifecycle_stage": "active",
            "lifecycle_us": FAR_BACK_US,
            "creation_time_ms": 0,
            "last_update_time_ms": 0,
            "lifecycle_revision": 0,
        }
        self.insert("experiments", experiment_id=experiment_id, **defaults | columns)

    def webhook(
        self, webhook_id: str, *, events: Sequence[str] = (), description: str = "", created_ms: int = 0
    ) -> None:
        self.insert(
            "webhooks",
            webhook_id=webhook_id,
            name=webhook_id,
            description=description,
            url="https://example.com",
            events=orjson.dumps(events).decode(),
            status="ACTIVE",
            secret_id="",
            since="[]",
            pauses="[]",
            creation_timestamp_ms=created_ms,
            last_updated_timestamp_ms=created_ms,
        )

    def run(
        self,
        run_id: str,
        *,
        experiment_id: int = 1,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        **columns: Any,
    ) -> int:
        """Its run number."""
        run_number: int
        (run_number,) = self.connection.execute("SELECT coalesce(max(run_number), 0) + 1 FROM runs").fetchone()
        defaults = {
            "name": f"name of {run_id}",
            "user_id": "",
            "status": "RUNNING",
            "start_time_ms": 0,
            "end_time_ms": None,
            "artifact_uri": f"mlflow-artifacts:/{experiment_id}/{run_id}/artifacts",
            "lifecycle_stage": "active",
            "lifecycle_us": FAR_BACK_US + 1,
        }
        key_values = {"run_number": run_number, "experiment_id": experiment_id}
        self.insert("runs", run_id=run_id, **key_values, **defaults | columns)
        for key, value in (params or {}).items():
            self.insert("params", key=key, value=value, **key_values)
        for key, value in (tags or {}).items():
            self.insert("tags", key=key, value=value, **key_values)
        for key, number in (metrics or {}).items():
            self.metric(run_number, key, number, experiment_id=experiment_id)
        return run_number

    def metric(
        self, run_number: int, key: str, value: float, *, step: int = 0, timestamp_ms: int = 0, experiment_id: int = 1
    ) -> None:
        self.insert(
            "latest_metrics",
            run_number=run_number,
            key=key,
            experiment_id=experiment_id,
            value=None if math.isnan(value) else value,
            value_json='"NaN"' if math.isnan(value) else orjson.dumps(value).decode(),
            timestamp_ms=timestamp_ms,
            step=step,
            points=1,
        )

    def dataset(
        self,
        run_number: int,
        name: str,
        digest: str = "",
        *,
        tags: Mapping[str, str] | None = None,
        experiment_id: int = 1,
        **columns: Any,
    ) -> None:
        """One more input of a run, the dataset itself too when it is new."""
        defaults = {"source_type": "local", "source": "here", "schema": None, "profile": None}
        identity = {"experiment_id": experiment_id, "name": name, "digest": digest}
        if not self.connection.execute(
            "SELECT 1 FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?", tuple(identity.values())
        ).fetchall():
            self.insert("datasets", **identity, **defaults | columns, first_us=0, first_event_id="")
        pairs = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        ((ordinal,),) = self.connection.execute(
            "SELECT count(*) FROM dataset_inputs WHERE run_number = ?", (run_number,)
        )
        self.insert(
            "dataset_inputs",
            run_number=run_number,
            ordinal=ordinal,
            **identity,
            tags=orjson.dumps(pairs).decode(),
            context=(tags or {}).get("mlflow.data.context"),
        )

    def logged_model(
        self,
        model_id: str,
        *,
        experiment_id: int = 1,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        **columns: Any,
    ) -> None:
        defaults = {
            "name": f"name of {model_id}",
            "model_type": "",
            "source_run_id": "",
            "status": 1,
            "artifact_location": f"mlflow-artifacts:/{experiment_id}/models/{model_id}/artifacts",
            "creation_timestamp_ms": 0,
            "last_updated_timestamp_ms": 0,
            "lifecycle_stage": "active",
        }
        self.insert("logged_models", model_id=model_id, experiment_id=experiment_id, **defaults | columns)
        for key, value in (params or {}).items():
            self.insert("logged_model_params", model_id=model_id, key=key, value=value)
        for key, value in (tags or {}).items():
            self.insert("logged_model_tags", model_id=model_id, key=key, value=value)

    def logged_model_metric(
        self,
        model_id: str,
        key: str,
        value: float,
        *,
        step: int = 0,
        timestamp_ms: int = 0,
        run_id: str = "r",
        experiment_id: int = 1,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
    ) -> None:
        self.insert(
            "logged_model_metrics",
            model_id=model_id,
            key=key,
            timestamp_ms=timestamp_ms,
            step=step,
            run_id=run_id,
            value=value,
            value_json=orjson.dumps(value).decode(),
            experiment_id=experiment_id,
            dataset_name=dataset_name,
            dataset_digest=dataset_digest,
        )

    def registered_model(self, name: str, *, tags: Mapping[str, str] | None = None, **columns: Any) -> None:
        """A prompt if its tags say so."""
        is_prompt = any(is_prompt_marker(key, value) for key, value in (tags or {}).items())
        defaults = {
            "creation_timestamp_ms": 0,
            "last_updated_timestamp_ms": 0,
            "description": "",
            "is_prompt": int(is_prompt),
            "last_version": 0,
            "name_since": 0,
        }
        self.insert("registered_models", registered_model_id=_id_of(name), name=name, **defaults | columns)
        for key, value in (tags or {}).items():
            self.insert("registered_model_tags", registered_model_id=_id_of(name), key=key, value=value)

    def model_version(
        self,
        name: str,
        version: int,
        *,
        tags: Mapping[str, str] | None = None,
        aliases: Sequence[str] = (),
        **columns: Any,
    ) -> None:
        """A version of a registered model that is there."""
        ((is_prompt,),) = self.connection.execute("SELECT is_prompt FROM registered_models WHERE name = ?", (name,))
        version_id = f"{_id_of(name)} {version}"
        defaults = {
            "is_prompt": is_prompt,
            "creation_timestamp_ms": 0,
            "last_updated_timestamp_ms": 0,
            "current_stage": "None",
            "description": "",
            "source": f"s3://bucket/{version}",
            "storage_location": f"s3://bucket/{version}",
            "run_id": "",
            "run_link": "",
            "logged_model_id": "",
        }
        self.insert(
            "model_versions",
            version_id=version_id,
            registered_model_id=_id_of(name),
            name=name,
            version=version,
            reference=f"{name}/{version}",
            **defaults | columns,
        )
        for key, value in (tags or {}).items():
            self.insert("model_version_tags", version_id=version_id, key=key, value=value)
        for alias in aliases:
            self.insert(
                "registered_model_aliases",
                registered_model_id=_id_of(name),
                alias=alias,
                version_id=version_id,
                version=version,
                reference=f"{name}@{alias}",
            )


def _id_of(name: str) -> str:
    return f"id of {name}"
