"""HTTP: connections, middleware, headers, bodies, API keys."""
