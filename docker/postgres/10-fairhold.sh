#!/bin/bash
# Runs once, when the database's volume is empty. The owner migrates; the application gets what migrations grant.
# The locale matters: with another one pg_trgm finds nothing in Chinese text.
set -euo pipefail
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv owner_password FAIRHOLD_OWNER_PASSWORD
\getenv app_password FAIRHOLD_APP_PASSWORD
CREATE ROLE fairhold_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE fairhold_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
CREATE DATABASE fairhold OWNER fairhold_owner TEMPLATE template0 ENCODING 'UTF8'
  LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE fairhold FROM PUBLIC;
GRANT CONNECT ON DATABASE fairhold TO fairhold_app;
SQL
