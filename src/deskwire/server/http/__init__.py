"""HTTP: connection protocol, routes, policy and pages."""
