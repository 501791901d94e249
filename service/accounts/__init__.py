"""People with grants (role, tenant): sign-in, sessions, API keys, guards."""
