"""The JSON surface: router, problem details, OpenAPI."""
