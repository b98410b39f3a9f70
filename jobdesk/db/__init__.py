"""The SQL tables that reports read and syncs write: SQLAlchemy Core on SQLite or PostgreSQL."""
