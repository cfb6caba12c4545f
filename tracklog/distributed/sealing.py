"""Whether the payloads of a log in Kafka are sealed, and the keys of one in which they are."""

import uuid
from typing import TYPE_CHECKING, Final

from event_log.port import EventLogReader, ForeignLog
from tracklog.settings.store_uris import KafkaTopic, SettingRefused

if TYPE_CHECKING:
    from event_log.postgresql.stream_keys import PostgresqlStreamKeys
    from event_log.sealing.known_keys import KnownStreamKeys

_OPTION: Final = "--kafka-sealed-payloads"


async def is_born_sealed(place: KafkaTopic, log_id: str) -> bool:
    """Whether a log that has no event yet is one of sealed payloads: as the first process says that opens it.

    The store of its keys is made then. Raises LogUnavailable, SettingRefused, ForeignLog.
    """
    wanted = bool(place.seals)
    if place.keys is None:
        if wanted:
            raise SettingRefused(f"{_OPTION} needs a database for the keys: name it by --backend-store-uri.")
        return False
    try:
        uuid.UUID(log_id)
    except ValueError as error:
        if wanted:
            raise SettingRefused(f"{_OPTION} needs brokers that give topics ids: Kafka 2.8 or later.") from error
        return False
    from event_log.postgresql.sealed_logs import seals_from_birth

    seals = await seals_from_birth(place.keys.dsn, log_id, wanted=wanted)
    if seals:
        keys = _keys(place, log_id, log_id)
        try:
            await keys.begin()
        finally:
            await keys.close()
    return seals


def check_choice(place: KafkaTopic, *, seals: bool) -> None:
    """See that a log is as it is said to be. Raises ForeignLog."""
    if place.seals is not None and place.seals != seals:
        born, other = ("with", f"--no-{_OPTION[2:]}") if seals else ("without", _OPTION)
        raise ForeignLog(
            f"The log {place} was born {born} sealed payloads and stays so: leave {other} away, or name a new topic."
        )


async def known_keys(place: KafkaTopic, log_id: str, of_log: str) -> "KnownStreamKeys":
    """The keys of a log of sealed payloads: those of the log `of_log`, of which it is a mirror where it is another.

    Raises LogUnavailable, SettingRefused, and ForeignLog where the store has none of that log.
    """
    from event_log.sealing.known_keys import KnownStreamKeys

    keys = _keys(place, log_id, of_log)
    try:
        if not await keys.join():
            raise ForeignLog(
                f"The payloads of the log {place} are sealed, and its keys are not in {place.keys}: restore the schema"
                " tracklog_keys there, without which nothing of the log can be read."
            )
    except BaseException:
        await keys.close()
        raise
    return KnownStreamKeys(keys)


async def unsealed_reads(place: KafkaTopic, reader: EventLogReader, of_log: str | None) -> EventLogReader:
    """`reader`, whose payloads are opened where they are sealed; `of_log` as above, None while no event tells.

    Without a store of keys what is sealed stays so. Raises LogUnavailable, ForeignLog.
    """
    from event_log.sealing.known_keys import KnownStreamKeys
    from event_log.sealing.unsealed_reads import UnsealedReads

    if place.keys is None:
        return UnsealedReads(reader, None)
    log_id = await reader.identity()
    if of_log is None:
        return UnsealedReads(reader, KnownStreamKeys(_keys(place, log_id, log_id)))
    return UnsealedReads(reader, await known_keys(place, log_id, of_log))


def _keys(place: KafkaTopic, log_id: str, of_log: str) -> "PostgresqlStreamKeys":
    from event_log.postgresql.stream_keys import PostgresqlStreamKeys

    if place.keys is None:
        raise SettingRefused(
            f"The payloads of the log {place} are sealed: name the database of the keys by --backend-store-uri."
        )
    return PostgresqlStreamKeys(place.keys.dsn, log_id, of_log)
