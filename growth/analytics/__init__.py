"""What the project's people did, counted: over all apps, above all apps."""
