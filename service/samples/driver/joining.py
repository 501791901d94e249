"""Somebody who joins during the demonstration: registers, signs in and makes a key, over HTTP as everybody does."""

import secrets

from service.accounts.guards import csrf_config
from service.core.actor import COMMONS
from service.samples.driver.stage import Stage, ask
from service.samples.people import KEY_LABEL, DemoAccount

PASSWORD_BYTES = 12


def join(stage: Stage, role: str, name: str, language: str) -> DemoAccount:
    """Return a new account, its e-mail and name those of this run; from now on it is the stage's person of `role`.

    Its session stays in a client of its own: cookies must not ride along with the others' keys.
    """
    form = csrf_config(stage.settings)
    sign_in = {"email": f"{role}.{stage.run}@fairhold.example", "password": secrets.token_urlsafe(PASSWORD_BYTES)}
    named = f"{name} {stage.run}"
    with stage.new_client() as client:
        ask(client, role, "POST", "/people", json={**sign_in, "name": named, "language": language})
        ask(client, role, "POST", "/sessions", json=sign_in)
        own_form = {form.header_name: client.cookies[form.cookie_name]}
        wanted = {"label": KEY_LABEL, "tenant_id": str(COMMONS)}
        key = ask(client, role, "POST", "/api-keys", headers=own_form, json=wanted).json()["key"]
    account = DemoAccount(role, named, sign_in["email"], sign_in["password"], key, COMMONS)
    stage.welcome(account)
    return account
