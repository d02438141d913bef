"""Who may come in: people, their logins, the tokens these give."""
