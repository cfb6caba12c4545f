"""The processes that tell webhooks: a sender, alone or beside a server, and its child that calls out."""
