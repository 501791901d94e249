"""Events become messages here: e-mail and signed webhooks. The room is there, nothing lives in it yet."""
