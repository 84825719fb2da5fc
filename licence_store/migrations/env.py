"""Alembic's environment: runs on the connection it is given by ``licence_store.migrations.upgrade``."""

from alembic import context

from licence_store import models
from seal.database import Base

assert models.Licence.metadata is Base.metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
