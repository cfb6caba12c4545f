"""The request messages of the tracking routes, field for field, a file for each aggregate.

A field absent from a request holds its default: the empty value, or None where absence and the empty value differ.
`required` names the fields without which a request is refused; a tuple in it means any one of several. A field that
the route's path holds is not among them.
Every text and list declares its greatest length, by a type of `schemas.messages.bounds`; a test holds every field to
it.
Source: the field tables of MLflow's service descriptors.
"""
