-- Grants, keys and sessions are revoked or ended, not deleted; tenants and people stay.
REVOKE DELETE, TRUNCATE ON tenant, person, role_grant, api_key, sign_in_session FROM {app_role};
