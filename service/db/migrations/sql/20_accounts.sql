-- People, tenants, grants and keys are revoked, not deleted. Ended sessions and old counts may be cleared away.
REVOKE DELETE, TRUNCATE ON tenant, person, role_grant, api_key FROM {app_role};
