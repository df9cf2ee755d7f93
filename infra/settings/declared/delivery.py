"""The variables of delivery: when it gives up, by which mail server and by which key it sends."""

from __future__ import annotations

from runfold.infra.settings.kinds import CONTACT, HTTP, LINE, PUSH_KEY, PUSH_NAME, SECONDS, number
from runfold.infra.settings.variable import Variable, without_password

WEBHOOK_PAUSES = Variable(
    "RUNFOLD_WEBHOOK_PAUSES_S", SECONDS, (), "delivery",
    "seconds between attempts to deliver an event, with commas between; after the last it has "
    "failed", "5,30,120,600,1800,3600,7200,14400,25200,32400",
)  # fmt: skip
WEBHOOK_FAILING = Variable(
    "RUNFOLD_WEBHOOK_DISABLE_H", number(1, 8760), 120, "delivery",
    "hours that a receiver may fail without one success before its subscription is switched off",
)  # fmt: skip
WEBHOOK_REPLAYED = Variable(
    "RUNFOLD_WEBHOOK_REPLAY_OPEN", number(1, 10_000_000), 50_000, "delivery, gateway, commands",
    "deliveries of replays that a tenant may have open at once; a longer replay is made in parts",
)  # fmt: skip
DELIVERY_KEEP_DAYS = Variable(
    "RUNFOLD_DELIVERY_KEEP_DAYS", number(1, 3650), 30, "delivery",
    "days that deliveries and notifications are kept in their log after their end",
)  # fmt: skip
DELIVERY_KEEP_ROWS = Variable(
    "RUNFOLD_DELIVERY_KEEP_ROWS", number(1, 1_000_000_000), 1_000_000, "delivery",
    "deliveries, and as many notifications, of one tenant that are kept in their log after their "
    "end, the newest ones",
)  # fmt: skip
PUBLIC_URL = Variable(
    "RUNFOLD_PUBLIC_URL", HTTP, "", "delivery",
    "the address of the gateway as people and receivers see it, for links", "none: paths alone",
)  # fmt: skip
SMTP_URL = Variable(
    "RUNFOLD_SMTP_URL", LINE, "", "delivery",
    "the server that e-mail is sent by: `smtp://user:password@host:587` (STARTTLS, or without with "
    "`?tls=no`) or `smtps://…:465`", "none", without_password,
)  # fmt: skip
SMTP_FROM = Variable(
    "RUNFOLD_SMTP_FROM", LINE, "runfold@localhost", "delivery", "the sender of e-mail",
)  # fmt: skip
PUSH_PUBLIC_KEY = Variable(
    "RUNFOLD_PUSH_PUBLIC_KEY", PUSH_KEY, "", "gateway",
    "the public key that pages subscribe browsers with, as `runfold push key` says it",
    "none: no browser can be subscribed",
)  # fmt: skip
PUSH_KEY_NAME = Variable(
    "RUNFOLD_PUSH_KEY_NAME", PUSH_NAME, "webpush", "delivery",
    "the name in the store of secrets of the private key of web push; it begins with `webpush`",
)  # fmt: skip
PUSH_CONTACT = Variable(
    "RUNFOLD_PUSH_CONTACT", CONTACT, "", "delivery",
    "whom a push service may ask about what is sent: `mailto:…` or `https://…`",
    "none: nothing is pushed",
)  # fmt: skip
