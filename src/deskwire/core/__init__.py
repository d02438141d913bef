"""Current readings, their publication, and the routing of commands."""
