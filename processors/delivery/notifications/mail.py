"""E-mail by the operator's own server."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Self
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}


class MailRefusedError(Exception):
    """The server did not take the mail: it was not sent."""


class MailInDoubtError(Exception):
    """The connection broke after the mail was handed over: nobody knows whether it was sent."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """``tls`` is ``no``, ``start`` (STARTTLS) or ``yes`` from the first byte."""

    host: str
    port: int
    sender: str
    tls: str = "start"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_s: float = 20.0

    @classmethod
    def of(cls, url: str, sender: str) -> Self:
        """Return what ``smtp[s]://user:password@host:port`` means; raises ValueError.

        ``smtp://`` uses STARTTLS, and ``smtp://…?tls=no`` no TLS at all.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(url)
        start = "no" if parts.query == "tls=no" else "start"
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            sender=sender,
            tls="yes" if parts.scheme == "smtps" else start,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def send(self, mail: EmailMessage) -> None:
        """Hand a mail to the server; blocks. Raises MailRefusedError or MailInDoubtError."""
        try:
            server = self._opened()
        except (OSError, smtplib.SMTPException) as error:
            raise MailRefusedError(_said(error)) from error
        try:
            server.send_message(mail)
        except smtplib.SMTPServerDisconnected as error:
            raise MailInDoubtError("the server closed the connection") from error
        except smtplib.SMTPException as error:
            raise MailRefusedError(_said(error)) from error
        except OSError as error:
            raise MailInDoubtError(_said(error)) from error
        finally:
            # It was taken, or not, by now: how the connection ends changes nothing.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _opened(self) -> smtplib.SMTP:
        if self.tls == "yes":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout_s, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        try:
            if self.tls == "start":
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


def _said(error: Exception) -> str:
    """Return what an error says in few words: the server's code, never its text."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return f"the server refused the address ({', '.join(map(str, codes))})"
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__}{f' ({code})' if code else ''}"
