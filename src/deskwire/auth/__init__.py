"""Users, their logins, and the tokens of a login."""
