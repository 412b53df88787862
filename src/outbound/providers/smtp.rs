//! Any mail server, by SMTP.
//!
//! The dialogue is driven step by step, so that it is always known whether the final dot was written: before it nothing
//! can have been sent, after it only the server's answer tells. A bounce returns as a mail to the sender; whoever reads that mailbox posts it here as it
//! came (`message/rfc822`). Not here: how a bounce is read ([`dsn`]), signing with DKIM (the server's task).
//!
//! Invariant: what ends in a header or a command is a [`Line`], an [`Email`] or a checked URL.

use std::{net::SocketAddr, time::SystemTime};

use chrono::{DateTime, Utc};
use futures_util::future::{BoxFuture, FutureExt, ready};
use lettre::{
    Address, Message,
    message::{
        Attachment as LettreAttachment, Body, Mailbox, MultiPart, MultiPartKind, SinglePart,
        header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error,
        authentication::{Credentials as Login, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::ClientId,
    },
};
use tokio::time::timeout;
use url::Url;

use crate::{
    domain::{
        contact::{Channel, Email},
        delivery::{EvidenceGrade, SuppressionReason},
        ids::MessageId,
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        Capabilities, Content, Envelope, Idempotency, Inbound, Line, Mail, Outcome, Probe, Provider, Report, Unreadable, Unverified, dsn,
        excerpt, net::Net, settings::Secret,
    },
};

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmtpSecurity {
    /// Begins in clear and must be upgraded before anything is said (usually port 587).
    Starttls,
    /// Encrypted from the first byte (usually port 465).
    Tls,
    /// Not at all; only for installations that allow private networks.
    None,
}

/// A mail server.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The mail server's name.
    #[schema(min_length = 1, max_length = 253, example = "smtp.example.com")]
    pub host: String,
    /// Its port: 587 for `starttls`, 465 for `tls`.
    #[schema(minimum = 1, maximum = 65535, example = 587)]
    pub port: u16,
    /// How the connection is encrypted.
    pub security: SmtpSecurity,
    /// The address that messages come from.
    pub from_email: Email,
    /// The name beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200, example = "Dupont SARL")]
    pub from_name: Option<Line>,
}

/// The log-in of a mail server.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user name.
    #[schema(min_length = 1, max_length = 320, example = "accounts@example.com")]
    pub username: String,
    /// The password. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 1000, example = "correct horse battery staple")]
    pub password: Secret,
}

/// A mail server's account.
pub struct Smtp {
    settings: Settings,
    from: Address,
    login: Option<Login>,
    net: Net,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why the server did not let us in.
enum Shut {
    /// Its name leads nowhere, or where nobody is called.
    Unresolved(String),
    /// In connecting, encrypting or logging in.
    Failed(Error),
}

/// How far the dialogue came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Connection, encryption, log-in, sender: what the account is answerable for.
    Account,
    /// The recipient was named, or the content announced or given.
    Message,
}

impl Smtp {
    /// The adapter of one account.
    ///
    /// # Errors
    /// A host that is not called, or a connection in clear where it is not allowed.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let mut faults = Faults::none();
        if let Err(why) = net.policy().check_host_name(&settings.host) {
            faults.add("/settings/host", "invalid_host", why.to_string());
        }
        if settings.security == SmtpSecurity::None && !net.policy().allow_private {
            faults.add("/settings/security", "not_encrypted", "choose starttls or tls");
        }
        let Ok(from) = settings.from_email.as_str().parse() else {
            faults.add("/settings/from_email", "invalid_address", "not an address that a mail server takes");
            return Err(faults);
        };
        let login = credentials.map(|login| Login::new(login.username.clone(), login.password.reveal().to_owned()));
        faults.or(Self { settings: settings.clone(), from, login, net: net.clone() })
    }

    async fn deliver(&self, id: MessageId, mail: &Mail, now: DateTime<Utc>) -> Outcome {
        let (to, bytes) = match self.compose(id, mail, now) {
            Ok(composed) => composed,
            Err(reason) => return Outcome::Rejected { code: "unwritable".to_owned(), reason, permanent: true, suppress: None },
        };
        let deadlines = self.net.deadlines();
        let mut connection = match timeout(deadlines.total.saturating_sub(deadlines.connect), self.announce(to)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(outcome)) => return outcome,
            Err(_) => return Outcome::not_sent("the mail server is too slow"),
        };
        match timeout(deadlines.total, connection.message(&bytes)).await {
            Ok(Ok(_)) => {
                // The message is taken; how the farewell goes does not matter.
                drop(timeout(deadlines.connect, connection.quit()).await);
                Outcome::accepted(Some(message_id(id, &self.from)))
            }
            Ok(Err(error)) if error.status().is_some() => refusal(Stage::Message, &error),
            Ok(Err(error)) => Outcome::unknown(excerpt(&format!("lost after the final dot: {error}"))),
            Err(_) => Outcome::unknown("no answer to the final dot"),
        }
    }

    /// Everything up to the server's invitation to send the content.
    async fn announce(&self, to: Address) -> Result<AsyncSmtpConnection, Outcome> {
        let account = |error| refusal(Stage::Account, &error);
        let message = |error| refusal(Stage::Message, &error);
        let mut connection = self.log_in().await.map_err(|shut| match shut {
            Shut::Unresolved(why) => Outcome::not_sent(why),
            Shut::Failed(error) => account(error),
        })?;
        connection.command(MailFrom::new(Some(self.from.clone()), Vec::new())).await.map_err(account)?;
        connection.command(Rcpt::new(to, Vec::new())).await.map_err(message)?;
        connection.command(Data).await.map_err(message)?;
        Ok(connection)
    }

    /// Connected, and known to the server.
    async fn log_in(&self) -> Result<AsyncSmtpConnection, Shut> {
        let (policy, deadlines) = (self.net.policy(), self.net.deadlines());
        let resolved = policy.resolve(&self.settings.host, self.settings.port, deadlines.connect).await;
        let addresses = resolved.map_err(|why| Shut::Unresolved(why.to_string()))?;
        let mut connection = self.connect(&addresses).await.map_err(Shut::Failed)?;
        if let Some(login) = &self.login {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], login).await.map_err(Shut::Failed)?;
        }
        Ok(connection)
    }

    /// Logs in, and goes again without a word about any message. Whether the sender may be used is told only where something is sent.
    async fn ask(&self) -> Probe {
        let mut connection = match self.log_in().await {
            Ok(connection) => connection,
            Err(Shut::Failed(error)) if error.is_permanent() => return Probe::Refused(excerpt(&error.to_string())),
            Err(Shut::Failed(error)) => return Probe::Unreachable(excerpt(&error.to_string())),
            Err(Shut::Unresolved(why)) => return Probe::Unreachable(why),
        };
        let alive = connection.test_connected().await;
        // It knows us; how the farewell goes does not matter.
        drop(connection.quit().await);
        if alive { Probe::Fine { detail: None } } else { Probe::Unreachable("the mail server fell silent after the log-in".to_owned()) }
    }

    /// Connects to an address that the guard admitted; encryption is checked against the name.
    async fn connect(&self, addresses: &[SocketAddr]) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let patience = Some(self.net.deadlines().connect);
        let tls = || TlsParameters::new(self.settings.host.clone());
        let wrapper = if self.settings.security == SmtpSecurity::Tls { Some(tls()?) } else { None };
        let mut connection = AsyncSmtpConnection::connect_tokio1(addresses, patience, &hello, wrapper, None).await?;
        if self.settings.security == SmtpSecurity::Starttls {
            connection.starttls(tls()?, &hello).await?;
        }
        Ok(connection)
    }

    /// The recipient and the exact bytes: the same for the same message at the same moment.
    fn compose(&self, id: MessageId, mail: &Mail, now: DateTime<Utc>) -> Result<(Address, Vec<u8>), String> {
        let to = address(&mail.to)?;
        let from_name = mail.from_name.as_ref().or(self.settings.from_name.as_ref());
        let mut builder = Message::builder()
            .from(Mailbox::new(from_name.map(ToString::to_string), self.from.clone()))
            .to(Mailbox::new(mail.to_name.as_ref().map(ToString::to_string), to.clone()))
            .subject(mail.subject.as_str())
            .date(SystemTime::from(now))
            .message_id(Some(message_id(id, &self.from)))
            .raw_header(plain_header("Auto-Submitted", "auto-generated".to_owned()));
        if let Some(reply_to) = &mail.reply_to {
            builder = builder.reply_to(Mailbox::new(None, address(reply_to)?));
        }
        if let Some(link) = &mail.list_unsubscribe {
            // Written by the URL parser: printable ASCII without spaces or angle brackets.
            let link =
                Url::parse(link.as_str()).ok().filter(|url| url.scheme() == "https").ok_or("the unsubscribe link is not an https URL")?;
            builder = builder
                .raw_header(plain_header("List-Unsubscribe", format!("<{link}>")))
                .raw_header(plain_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        let message = match (mail.html.is_empty(), mail.attachments.is_empty()) {
            (false, true) => builder.multipart(alternatives(id, mail)),
            (true, true) => builder.singlepart(SinglePart::plain(mail.text.clone())),
            (_, false) => builder.multipart(with_attachments(id, mail)?),
        };
        let message = message.map_err(|error| error.to_string())?;
        Ok((to, message.formatted()))
    }
}

/// The same words as text and as HTML.
fn alternatives(id: MessageId, mail: &Mail) -> MultiPart {
    MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("relance-{id}"))
        .singlepart(SinglePart::plain(mail.text.clone()))
        .singlepart(SinglePart::html(mail.html.clone()))
}

/// The words first, then the documents, each in base64 under its own name.
fn with_attachments(id: MessageId, mail: &Mail) -> Result<MultiPart, String> {
    let whole = MultiPart::builder().kind(MultiPartKind::Mixed).boundary(format!("relance-all-{id}"));
    let whole =
        if mail.html.is_empty() { whole.singlepart(SinglePart::plain(mail.text.clone())) } else { whole.multipart(alternatives(id, mail)) };
    mail.attachments.iter().try_fold(whole, |whole, document| {
        let kind = ContentType::parse(document.media_type.as_str()).map_err(|_| "an attachment's media type is none".to_owned())?;
        let body = Body::new_with_encoding(document.bytes.to_vec(), ContentTransferEncoding::Base64);
        let body = body.map_err(|_| "an attachment cannot be encoded".to_owned())?;
        Ok(whole.singlepart(LettreAttachment::new(document.name.to_string()).body(body, kind)))
    })
}

fn address(email: &Email) -> Result<Address, String> {
    email.as_str().parse().map_err(|_| "not an address that a mail server takes".to_owned())
}

/// The same on every attempt, so that the receiving side can recognise a copy.
fn message_id(id: MessageId, from: &Address) -> String {
    format!("<{id}@{}>", from.domain())
}

/// A header whose value is printable ASCII already and must not be folded.
fn plain_header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

/// What a failure means when it is certain that the message was not taken.
fn refusal(stage: Stage, error: &Error) -> Outcome {
    let reason = excerpt(&error.to_string());
    match error.status() {
        Some(code) if error.is_permanent() => Outcome::Rejected {
            code: code.to_string(),
            permanent: stage == Stage::Message,
            suppress: unknown_mailbox(stage, &reason),
            reason,
        },
        _ => Outcome::not_sent(reason),
    }
}

/// Only the enhanced code (RFC 3463) tells an unknown mailbox from a policy: a bare 550 says either.
fn unknown_mailbox(stage: Stage, reason: &str) -> Option<SuppressionReason> {
    let unknown =
        reason.split(|letter: char| !letter.is_ascii_digit() && letter != '.').any(|word| matches!(word, "5.1.1" | "5.1.3" | "5.1.10"));
    (stage == Stage::Message && unknown).then_some(SuppressionReason::InvalidAddress)
}

/// What to do so that receipts arrive.
pub const STEPS: &[&str] = &[
    "Let the mailbox that bounces return to forward each of them: most mail services can post an incoming message, as it came, to an address of the web.",
    "Give {url} as that address, with the content type message/rfc822.",
];

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::SecretPath,
    grade: EvidenceGrade::ReceivingServer,
};

fn is_mail(content_type: &str) -> bool {
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("message/rfc822"))
}

impl Provider for Smtp {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        async move {
            match &envelope.content {
                Content::Mail(mail) => self.deliver(envelope.message_id, mail, now).await,
                _ => Outcome::wrong_channel(envelope.channel()),
            }
        }
        .boxed()
    }

    /// Mail servers sign no bounces: the path is the credential. What is no mail is refused.
    fn verify<'a>(&'a self, inbound: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(
            inbound.header("content-type").and_then(|kind| if is_mail(kind) { Ok(()) } else { Err(Unverified::Malformed("content-type")) }),
        )
        .boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        dsn::read(&inbound.body)
    }

    fn answer(&self) -> u16 {
        204
    }

    fn probe(&self, _: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let asked = timeout(self.net.deadlines().total, self.ask()).await;
            asked.unwrap_or_else(|_| Probe::Unreachable("the mail server is too slow".to_owned()))
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outbound::{
        Attachment, Line,
        bench::{self, Sink},
        settings::Secret,
    };

    fn adapter(port: u16, security: SmtpSecurity) -> Smtp {
        let settings = Settings {
            host: "127.0.0.1".into(),
            port,
            security,
            from_email: "factures@dupont.example".parse().unwrap(),
            from_name: Some("Société Dupont, \"SARL\"".parse().unwrap()),
        };
        let login = Credentials { username: "ann".into(), password: Secret::new("hunter2") };
        Smtp::open(&settings, Some(&login), &bench::net()).unwrap()
    }

    /// Bounces are not signed.
    pub const fn vectors() -> Option<bench::Vectors> {
        None
    }

    async fn send(sink: Sink) -> Outcome {
        let server = bench::smtp(sink);
        adapter(server.port, SmtpSecurity::None).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn what_arrives_is_what_was_meant() {
        let server = bench::smtp(Sink::Accept);
        let envelope = bench::mail("ann@example.com");
        let outcome = adapter(server.port, SmtpSecurity::None).send(&envelope, DateTime::UNIX_EPOCH).await;
        let name = format!("<{}@dupont.example>", envelope.message_id);
        assert_eq!(outcome, Outcome::accepted(Some(name.clone())));
        let lines = server.lines();
        let has = |line: &str| assert!(lines.iter().any(|seen| seen.trim_end() == line), "{line} not in {lines:#?}");
        has("MAIL FROM:<factures@dupont.example>");
        has("RCPT TO:<ann@example.com>");
        has(&format!("Message-ID: {name}"));
        has("Auto-Submitted: auto-generated");
        has("Reply-To: accounts@example.com");
        has("List-Unsubscribe: <https://pay.example.com/u/abcdef>");
        has("List-Unsubscribe-Post: List-Unsubscribe=One-Click");
        has("Date: Thu, 01 Jan 1970 00:00:00 +0000");
        assert!(lines.iter().any(|line| line.starts_with("Content-Type: multipart/alternative")));
        assert_eq!(lines.iter().filter(|line| line.starts_with("RCPT")).count(), 1);
        assert!(lines.iter().all(|line| line.is_ascii()));
        assert_eq!(lines.last().unwrap(), "QUIT\r\n");
    }

    #[tokio::test]
    async fn the_server_is_asked_without_a_message() {
        let server = bench::smtp(Sink::Accept);
        assert_eq!(adapter(server.port, SmtpSecurity::None).probe(DateTime::UNIX_EPOCH).await, Probe::Fine { detail: None });
        let said: Vec<String> = server.lines().iter().map(|line| line.trim_end().chars().take(4).collect()).collect();
        assert_eq!(said, ["EHLO", "AUTH", "NOOP", "QUIT"]);
        let probe = async |sink| {
            let server = bench::smtp(sink);
            adapter(server.port, SmtpSecurity::None).probe(DateTime::UNIX_EPOCH).await
        };
        for refused in [Sink::Say("AUTH", "535 5.7.8 wrong password"), Sink::Say("CONNECT", "554 go away")] {
            assert!(matches!(probe(refused).await, Probe::Refused(_)), "{refused:?}");
        }
        for lost in [
            Sink::Say("CONNECT", "421 busy"),
            Sink::Say("AUTH", "454 4.7.0 later"),
            Sink::DropAt("EHLO"),
            Sink::HangAt("NOOP"),
            Sink::DropAt("NOOP"),
        ] {
            assert!(matches!(probe(lost).await, Probe::Unreachable(_)), "{lost:?}");
        }
    }

    #[tokio::test]
    async fn before_the_dot_nothing_was_sent() {
        for passing in [
            Sink::Say("CONNECT", "421 busy"),
            Sink::Say("MAIL", "450 later"),
            Sink::Say("RCPT", "451 4.7.1 greylisted"),
            Sink::Say("DATA", "452 full"),
        ] {
            assert!(matches!(send(passing).await, Outcome::NotSent { .. }), "{passing:?}");
        }
        for lost in [
            Sink::DropAt("CONNECT"),
            Sink::DropAt("EHLO"),
            Sink::DropAt("RCPT"),
            Sink::DropAt("DATA"),
            Sink::HangAt("CONNECT"),
            Sink::FloodAt("CONNECT"),
            Sink::FloodAt("RCPT"),
            Sink::HangAt("DATA"),
        ] {
            assert!(matches!(send(lost).await, Outcome::NotSent { .. }), "{lost:?}");
        }
        let nobody: u16 = bench::refused().rsplit(':').next().unwrap().parse().unwrap();
        for security in [SmtpSecurity::None, SmtpSecurity::Tls] {
            let outcome = adapter(nobody, security).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await;
            assert!(matches!(outcome, Outcome::NotSent { .. }), "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_blames_who_is_at_fault() {
        let invalid = Some(SuppressionReason::InvalidAddress);
        let cases = [
            (Sink::Say("CONNECT", "554 go away"), false, None),
            (Sink::Say("AUTH", "535 5.7.8 wrong password"), false, None),
            (Sink::Say("MAIL", "550 not your address"), false, None),
            (Sink::Say("RCPT", "550 5.1.1 no such user"), true, invalid),
            (Sink::Say("RCPT", "550 policy"), true, None),
            (Sink::Say(".", "554 5.6.0 looks like spam"), true, None),
        ];
        for (sink, of_message, why) in cases {
            let outcome = send(sink).await;
            assert!(
                matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
                "{sink:?} {outcome:?}"
            );
        }
    }

    #[tokio::test]
    async fn after_the_dot_only_the_answer_tells() {
        for lost in [Sink::DropAt("."), Sink::HangAt("."), Sink::FloodAt("."), Sink::Say(".", "what?")] {
            assert!(matches!(send(lost).await, Outcome::Unknown { .. }), "{lost:?}");
        }
        assert!(matches!(send(Sink::Say(".", "451 try again")).await, Outcome::NotSent { .. }));
    }

    #[tokio::test]
    async fn nothing_is_said_in_clear_where_encryption_was_asked_for() {
        for security in [SmtpSecurity::Starttls, SmtpSecurity::Tls] {
            let server = bench::smtp(Sink::Accept);
            let outcome = adapter(server.port, security).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await;
            assert!(matches!(outcome, Outcome::NotSent { .. }), "{outcome:?}");
            assert!(!server.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));
        }
    }

    #[test]
    fn documents_go_along_whole_and_under_their_names() {
        let Content::Mail(template) = bench::mail("ann@example.com").content else { unreachable!() };
        let document = |name: &str| Attachment {
            name: name.parse().unwrap(),
            media_type: "application/pdf".parse().unwrap(),
            bytes: b"%PDF-1.7\r\n--relance-x\r\n.\r\n".to_vec().into(),
        };
        let mail = Mail { attachments: vec![document("F-118.pdf"), document("Échéance \"é\".pdf")], ..template };
        let text = String::from_utf8(compose(mail).unwrap()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("multipart/mixed") && body.contains("multipart/alternative"));
        assert_eq!(body.matches("JVBERi0xLjcNCi0tcmVsYW5jZS14DQouDQo=").count(), 2);
        assert!(body.contains("Content-Disposition: attachment; filename=\"F-118.pdf\"") && text.is_ascii());
    }

    #[test]
    fn only_mails_are_taken_as_bounces() {
        let smtp = adapter(25, SmtpSecurity::None);
        let post = |kind: &str| {
            bench::verify(&smtp, &bench::inbound("https://x.example/in", &[("content-type", kind)], b""), DateTime::UNIX_EPOCH)
        };
        assert_eq!(post("message/rfc822"), Ok(()));
        assert_eq!(post("Message/RFC822; charset=utf-8"), Ok(()));
        assert_eq!(post("application/json"), Err(Unverified::Malformed("content-type")));
        assert!(bench::verify(&smtp, &bench::inbound("https://x.example/in", &[], b""), DateTime::UNIX_EPOCH).is_err());
        assert_eq!(smtp.parse(&bench::inbound("https://x.example/in", &[], b"Subject: Absence\r\n\r\nlundi")), Ok(Vec::new()));
    }

    #[test]
    fn the_guard_applies_to_mail_servers() {
        let settings = adapter(25, SmtpSecurity::None).settings;
        let strict = Net::new(Default::default(), Default::default()).unwrap();
        let pointers: Vec<_> = Smtp::open(&settings, None, &strict).unwrap_err().0.into_iter().map(|fault| fault.pointer).collect();
        assert_eq!(pointers, ["/settings/host", "/settings/security"]);
    }

    /// The names of the headers, folded lines joined.
    fn header_names(bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])).map(|line| line.split(':').next().unwrap().to_owned()).collect()
    }

    fn compose(mail: Mail) -> Result<Vec<u8>, String> {
        let id = MessageId::new(DateTime::UNIX_EPOCH);
        adapter(25, SmtpSecurity::None).compose(id, &mail, DateTime::UNIX_EPOCH).map(|(_, bytes)| bytes)
    }

    proptest! {
        #[test]
        fn no_text_adds_a_header_or_breaks_the_builder(name in ".{0,80}", subject in "[\\PC\\r\\n]{0,300}", link in ".{0,60}", html: String, text: String) {
            let Content::Mail(template) = bench::mail("ann@example.com").content else { unreachable!() };
            let expected = header_names(&compose(template.clone()).unwrap());
            let line = |text: &str| text.parse::<Line>();
            let (Ok(name), Ok(subject), Ok(link)) = (line(&name), line(&subject), line(&format!("https://example.com/{link}"))) else { return Ok(()) };
            let mail = Mail { to_name: Some(name.clone()), from_name: Some(name), subject, html, text, list_unsubscribe: Some(link), ..template };
            let bytes = compose(mail).unwrap();
            prop_assert!(bytes.is_ascii());
            prop_assert_eq!(header_names(&bytes), expected);
        }
    }

    #[test]
    fn a_link_that_is_no_https_url_is_refused() {
        let Content::Mail(template) = bench::mail("ann@example.com").content else { unreachable!() };
        for link in ["http://example.com/u", "mailto:a@example.com", "x> <https://evil.example"] {
            assert!(compose(Mail { list_unsubscribe: Some(link.parse().unwrap()), ..template.clone() }).is_err(), "{link}");
        }
    }
}
