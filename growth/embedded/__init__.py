"""The zero-setup mode: PostgreSQL from a wheel, a broker, a mailbox, and all that uses them."""
