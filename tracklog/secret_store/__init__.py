"""What no event may hold: hashes of passwords, digests of tokens, sealed secrets of webhooks, each by an id.

The log and the read model name them by their ids alone. Beside an embedded log they are in a file of their own, which
its owner alone may read; in PostgreSQL in a schema of their own. Whoever copies the log copies none of them.
"""
