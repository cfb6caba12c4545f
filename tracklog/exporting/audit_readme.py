# ruff: noqa: E501 - a row of a table is one line
"""What an auditor's archive says of itself to a stranger."""

from typing import Final

_TEXT: Final = """# An archive of {subject}

What a log of machine learning experiments holds of {subject}, and what proves that it is what was written when it
happened. The log is {log}; `lineage.json` says what comes from what: runs, logged models, versions of registered
models, and the aliases that pointed at them.

| file | holds |
|---|---|
| `events.jsonl` | every event of all of that, a line of JSON each, in the order of the log: who did what, when, from where, and in `data` the payload, byte for byte as it is stored |
| `proofs.jsonl` | for each event the hashes that lead from it to the root of a tree over the whole log |
| `checkpoints/` | that root, and how many events it is over, signed: a signed note as https://c2sp.org/tlog-checkpoint has it |
| `keys.txt` | the public key of the log, and the notes by which an older key named the next |
| `metrics.parquet` | every point of every metric, with the place of its event; as they were logged, without later corrections, which are events of their own |
| `artifacts.json` | the artifacts that were there in the end, with their SHA-256, and the event that says so; null where the store joined the parts by itself |
| `sealed.jsonl`, `stream-keys.json` | only of a log of sealed payloads: what the log itself holds of each event, in Base64, and the key of each stream that opens it; by these keys also later events of the same streams open, to whoever has the log |
| `archive.json` | the SHA-256 of each file of the archive |

## Check it with Tracklog

    pip install tracklog
    tracklog verify FILE.zip --public-key KEY

needs no server. KEY is the first line of `keys.txt`, and has to come from somewhere else than this archive: from who runs
the log, at a time when nobody had a reason to lie, or from a place where it was published. Exit code 0: every event is
what was signed. 1: something is not, and is named.

## Check it with anything else

The checkpoint is a signed note, which `golang.org/x/mod/sumdb/note` opens:

    verifier, err := note.NewVerifier(key)
    opened, err := note.Open(checkpoint, note.VerifierList(verifier))

Its second line is the number of events, its third the root. Of an event, the hash of its leaf is the SHA-256 of a zero
byte and eleven lines, each with a line feed at its end:

1. `tracklog event 1`
2. the id, 32 hexadecimal digits without hyphens
3. the type
4. the version
5. the time, in microseconds since the Unix epoch
6. the stream
7. the user, 8. the address, 9. the user agent, 10. the request id
11. the SHA-256 of `data`, byte for byte as it stands in the line, in hexadecimal digits; or, where `data` is
    `{{"forgotten":"…"}}`, those digits: the payload was erased, and its hash stays. Of an event in `sealed.jsonl` it
    is the SHA-256 of what stands there: one byte, the SHA-256 of `tracklog stream key 1`, a line feed and the key, 12
    bytes of nonce, and `data` under AES-256-GCM, plain or as a zstd frame, with `tracklog sealed payload 1`, a line
    feed, the 16 bytes of the id and the stream authenticated

In lines 3 to 10 a backslash is written as two, and a line feed as a backslash and `n`. With the hashes of the same place in
`proofs.jsonl`, in Base64, `golang.org/x/mod/sumdb/tlog` says whether the event is under the checkpoint:

    err = tlog.CheckRecord(hashes, size, root, offset, leaf)

## What it does not prove

That nothing was left out of the archive: each event is proven, not their number. Who has to know that asks for the whole
log, or a copy of it, and has `tracklog verify` and the same command make the archive again: of one checkpoint it is the same
bytes. That what was logged is true, no log can prove.
"""


def readme(subject: str, log_id: str) -> str:
    """The text of README.md."""
    return _TEXT.format(subject=subject, log=log_id)
