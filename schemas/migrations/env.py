"""What Alembic runs for every command: its context, on the connection that `schemas.migrations` gives it."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["target_metadata"],
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
