"""Alembic's entry point: runs migrations on the connection that `records.migrations` gives, inside its transaction."""

from alembic import context

from records.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the caller's transaction holds them all
)
context.run_migrations()
