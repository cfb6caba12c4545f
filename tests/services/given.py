"""Services that run already, named by the environment."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

POSTGRESQL_VARIABLE = "TRACKLOG_TEST_POSTGRESQL_URL"
KAFKA_VARIABLE = "TRACKLOG_TEST_KAFKA"
S3_VARIABLE = "TRACKLOG_TEST_S3_URL"
MYSQL_VARIABLE = "TRACKLOG_TEST_MYSQL_URL"


@dataclass(frozen=True, slots=True)
class GivenPostgresql:
    """`url` is a superuser's, of any database."""

    url: str

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))


@dataclass(frozen=True, slots=True)
class GivenMysql:
    """`url` is of a user who may make databases and users, as `mysql+pymysql://user:password@host:port/`."""

    url: str


@dataclass(frozen=True, slots=True)
class GivenKafka:
    """`bootstrap` is host:port."""

    bootstrap: str


@dataclass(frozen=True, slots=True)
class GivenS3:
    """Its keys are those of the ordinary AWS variables."""

    url: str
    access_key: str
    secret_key: str


Given = TypeVar("Given")


def _given(variable: str, made: Callable[[str], Given]) -> Given | None:
    value = os.environ.get(variable)
    return made(value) if value else None


def given_postgresql() -> GivenPostgresql | None:
    return _given(POSTGRESQL_VARIABLE, GivenPostgresql)


def given_mysql() -> GivenMysql | None:
    return _given(MYSQL_VARIABLE, GivenMysql)


def given_kafka() -> GivenKafka | None:
    return _given(KAFKA_VARIABLE, GivenKafka)


def given_s3() -> GivenS3 | None:
    def made(url: str) -> GivenS3:
        return GivenS3(url.rstrip("/"), os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])

    return _given(S3_VARIABLE, made)
