"""Tells webhooks of events: the sender knows what is owed, and the caller is a process that does nothing but call out.

The sender reads the outbox of the read model and keeps deliveries in a store of their own. The caller has no
credentials: it is handed calls, whole, and answers what came of each.
"""
