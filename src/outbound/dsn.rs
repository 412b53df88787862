//! Bounces that come as mail: delivery status notifications (RFC 3464) in a `multipart/report` (RFC 6522), about messages of ours.
//!
//! Not here: who may hand one in. Whatever is no such report (an out-of-office notice, an answer, spam) says nothing and is no fault.
//! Invariant: any bytes are read without panic, in time proportional to their number; what is nested deeper or is longer than the bounds is refused whole.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use data_encoding::{BASE64, HEXLOWER};

use super::{About, Report, Unreadable, excerpt};
use crate::domain::{crypto::sha256, delivery::DeliveryStatus, ids::MessageId};

/// The largest mail, in bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// The deepest part: a report is at most forwarded within something.
const MAX_DEPTH: usize = 4;
/// The most parts, on all levels.
const MAX_PARTS: usize = 64;
/// The most recipients of one report.
const MAX_RECIPIENTS: usize = 100;

/// Reads a mail: what it reports about messages of ours, if it is such a report.
///
/// # Errors
/// A mail beyond the bounds.
pub fn read(mail: &[u8]) -> Result<Vec<Report>, Unreadable> {
    if mail.len() > MAX_BYTES {
        return Err(Unreadable(format!("larger than {MAX_BYTES} bytes")));
    }
    let text = String::from_utf8_lossy(mail);
    let mail = Part::read(&text);
    let mut found = Found::default();
    found.look(&mail, 0)?;
    let (true, Some(status)) = (found.is_report, found.status) else { return Ok(Vec::new()) };
    let mut blocks = groups(&status);
    let of_message = blocks.next().unwrap_or_default();
    let Some(message) = named(&mail, &of_message, found.original.as_ref()) else { return Ok(Vec::new()) };
    let own_name = mail.header("message-id").or_else(|| mail.header("date")).unwrap_or_default();
    let sent_at = of_message.date("arrival-date").or_else(|| mail.headers.date("date"));
    let recipients = blocks.take(MAX_RECIPIENTS).filter_map(|fields| report(&fields, message, own_name, sent_at));
    Ok(recipients.collect())
}

/// What one recipient's fields say; `None` for an action that the standard does not know.
fn report(fields: &Headers, message: MessageId, own_name: &str, sent_at: Option<DateTime<Utc>>) -> Option<Report> {
    let action = fields.get("action")?.trim().to_ascii_lowercase();
    // A comment may follow: `5.1.1 (bad destination mailbox address)`.
    let code = fields.get("status").and_then(|status| status.split_whitespace().next()).unwrap_or_default();
    let status = match (action.as_str(), code) {
        ("failed", code) if speaks_of_address(code) => DeliveryStatus::BouncedHard,
        ("failed", _) => DeliveryStatus::BouncedSoft,
        ("delayed", _) => DeliveryStatus::Deferred,
        ("delivered", _) => DeliveryStatus::Delivered,
        ("relayed" | "expanded", _) => DeliveryStatus::Sent,
        _ => return None,
    };
    let recipient = fields.get("final-recipient").or_else(|| fields.get("original-recipient")).unwrap_or_default();
    let id = message.to_string();
    let parts = [id.as_str(), recipient, &action, code, own_name];
    let digest = sha256(&parts.map(|part| [part.as_bytes(), b"\n"].concat()).each_ref().map(Vec::as_slice));
    let raw_name = excerpt(format!("{action} {code}").trim());
    let detail = fields.get("diagnostic-code").map(excerpt);
    let at = fields.date("last-attempt-date").or(sent_at);
    Some(Report { about: About::Message(message), status, at, dedupe: HEXLOWER.encode(&digest), raw_name, detail })
}

/// Whether a code (RFC 3463) says that there is no such address, so that nothing should go there again. Of what is permanent for the message that is only the class of
/// addresses (5.1), a mailbox that is out of use (5.2.1), and whatever names no class (5.0): not a full mailbox (5.2.2) or a message that is too large (5.2.3), nor the
/// server's state (5.3), the way there (5.4), the protocol (5.5), the contents (5.6) or a policy (5.7). In the class of addresses, two speak of the sender's (5.1.7 and 5.1.8).
fn speaks_of_address(code: &str) -> bool {
    let mut parts = code.split('.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("5"), Some("1"), detail) => !matches!(detail, Some("7" | "8")),
        (Some("5"), Some("2"), detail) => detail == Some("1"),
        (Some("5"), class, _) => matches!(class, None | Some("0")),
        _ => false,
    }
}

/// The message of ours that it is about: by the original's Message-ID, which holds our id, by the envelope's id, or by the address that the bounce was sent to.
fn named(mail: &Part<'_>, of_message: &Headers, original: Option<&Headers>) -> Option<MessageId> {
    let original = original.and_then(|headers| headers.get("message-id"));
    let answered = ["in-reply-to", "references"].map(|name| mail.header(name));
    let addressed = ["delivered-to", "x-original-to", "to"].map(|name| mail.header(name));
    let envelope = of_message.get("original-envelope-id");
    [original, envelope].into_iter().chain(answered).chain(addressed).flatten().find_map(own_id)
}

/// Our id in a Message-ID (`<msg_…@example.com>`) or an address of its own (`bounces+msg_…@example.com`).
fn own_id(text: &str) -> Option<MessageId> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').find_map(|word| word.parse().ok())
}

/// What was found on the way through the parts.
#[derive(Default)]
struct Found {
    parts: usize,
    is_report: bool,
    /// The machine's part, decoded.
    status: Option<String>,
    /// The head of the original message.
    original: Option<Headers>,
}

impl Found {
    fn look(&mut self, part: &Part<'_>, depth: usize) -> Result<(), Unreadable> {
        self.parts = self.parts.saturating_add(1);
        if depth > MAX_DEPTH || self.parts > MAX_PARTS {
            return Err(Unreadable("nested too deeply, or in too many parts".to_owned()));
        }
        let (kind, parameters) = part.content_type();
        match kind.as_str() {
            "message/delivery-status" | "message/global-delivery-status" if self.status.is_none() => self.status = Some(part.decoded()),
            "message/rfc822" | "text/rfc822-headers" | "message/global" | "message/global-headers" if self.original.is_none() => {
                self.original = Some(Headers::read(&part.decoded()).0);
            }
            _ if kind.starts_with("multipart/") => {
                self.is_report |= kind == "multipart/report"
                    && parameter(parameters, "report-type").is_none_or(|kind| kind.eq_ignore_ascii_case("delivery-status"));
                let Some(boundary) = parameter(parameters, "boundary").filter(|boundary| !boundary.is_empty()) else { return Ok(()) };
                for inner in split(part.body, boundary) {
                    self.look(&Part::read(inner), depth.saturating_add(1))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Header fields in their order, names in small letters, folded lines joined.
#[derive(Default)]
struct Headers(Vec<(String, String)>);

impl Headers {
    /// The fields up to the first empty line, and what follows it.
    fn read(text: &str) -> (Self, &str) {
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                break;
            }
            match (line.starts_with([' ', '\t']), fields.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => {
                    // Writing to a string cannot fail.
                    let _ = write!(value, " {}", line.trim());
                }
                (false, _, Some((name, value))) => fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
                _ => {}
            }
        }
        (Self(fields), rest)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn date(&self, name: &str) -> Option<DateTime<Utc>> {
        let date = DateTime::parse_from_rfc2822(self.get(name)?).ok()?;
        Some(date.with_timezone(&Utc))
    }
}

/// A mail, or a part of one.
struct Part<'m> {
    headers: Headers,
    body: &'m str,
}

impl<'m> Part<'m> {
    fn read(text: &'m str) -> Self {
        let (headers, body) = Headers::read(text);
        Self { headers, body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The media type in small letters, and its parameters as written.
    fn content_type(&self) -> (String, &str) {
        let whole = self.header("content-type").unwrap_or("text/plain");
        let (kind, parameters) = whole.split_once(';').unwrap_or((whole, ""));
        (kind.trim().to_ascii_lowercase(), parameters)
    }

    /// The body as it was before it was made fit for the way.
    fn decoded(&self) -> String {
        match self.header("content-transfer-encoding").map(str::trim).map(str::to_ascii_lowercase).as_deref() {
            Some("base64") => {
                let letters: String = self.body.split_ascii_whitespace().collect();
                BASE64.decode(letters.as_bytes()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
            }
            Some("quoted-printable") => unquoted(self.body),
            _ => self.body.to_owned(),
        }
    }
}

/// Quoted-printable (RFC 2045 §6.7); what is no such thing stays as written.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut pieces = text.split('=');
    bytes.extend_from_slice(pieces.next().unwrap_or_default().as_bytes());
    for piece in pieces {
        let soft = piece.strip_prefix("\r\n").or_else(|| piece.strip_prefix('\n'));
        let code = piece.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (soft, code) {
            (Some(rest), _) => bytes.extend_from_slice(rest.as_bytes()),
            (None, Some(byte)) => {
                bytes.push(byte);
                bytes.extend_from_slice(piece.get(2..).unwrap_or_default().as_bytes());
            }
            (None, None) => {
                bytes.push(b'=');
                bytes.extend_from_slice(piece.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A parameter of a Content-Type (RFC 2045 §5.1), out of its quotes.
fn parameter<'p>(parameters: &'p str, name: &str) -> Option<&'p str> {
    parameters.split(';').find_map(|one| {
        let (own, value) = one.split_once('=')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The parts of a multipart body: what stands between lines of two hyphens and the boundary.
fn split<'b>(body: &'b str, boundary: &str) -> Vec<&'b str> {
    let mut parts = Vec::new();
    let (mut start, mut place) = (None, 0_usize);
    for line in body.split_inclusive('\n') {
        let after = place.saturating_add(line.len());
        let Some(tail) = line.strip_prefix("--").and_then(|line| line.strip_prefix(boundary)) else {
            place = after;
            continue;
        };
        if matches!(tail.trim_end(), "" | "--") {
            parts.extend(start.and_then(|start| body.get(start..place)));
            start = Some(after);
            if tail.starts_with("--") || parts.len() > MAX_PARTS {
                return parts;
            }
        }
        place = after;
    }
    // The end was cut off: what there is counts.
    parts.extend(start.and_then(|start| body.get(start..)));
    parts
}

/// The groups of fields of a delivery status: the message's, then each recipient's.
fn groups(status: &str) -> impl Iterator<Item = Headers> {
    let mut rest = status;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(['\r', '\n']);
        if rest.is_empty() {
            return None;
        }
        let (fields, after) = Headers::read(rest);
        rest = after;
        Some(fields)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::outbound::bench;

    fn ours() -> MessageId {
        "msg_01jd3kq8e5fvv8m3s9tqz4x7ya".parse().unwrap()
    }

    /// A bounce, as mail servers write it.
    fn bounce(action: &str, status: &str, original: &str) -> String {
        format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.com (Mail Delivery System)\r\nTo: bounces@dupont.example\r\nSubject: Undelivered Mail\r\n\
             \tReturned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nDate: Sun, 22 Nov 2026 09:00:01 +0100 (CET)\r\n\
             Message-ID: <20261122080001.1A2B3@mx.example.com>\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"1A2B3.1795334401/mx.example.com\"\r\n\r\n\
             This is a MIME-encapsulated message.\r\n\r\n--1A2B3.1795334401/mx.example.com\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
             <ann@example.com>: host mx said: 550 5.1.1 unknown user\r\n\r\n--1A2B3.1795334401/mx.example.com\r\n\
             Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.com\r\nArrival-Date: Sun, 22 Nov 2026 09:00:00 +0100\r\n\r\n\
             Final-Recipient: rfc822; ann@example.com\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; 550 5.1.1 <ann@example.com>:\r\n  Recipient address rejected\r\n\r\n\
             --1A2B3.1795334401/mx.example.com\r\nContent-Type: {original}\r\n--1A2B3.1795334401/mx.example.com--\r\n"
        )
    }

    fn returned() -> String {
        format!(
            "message/rfc822\r\n\r\nFrom: factures@dupont.example\r\nMessage-ID: <{}@dupont.example>\r\nSubject: Facture\r\n\r\nBonjour",
            ours()
        )
    }

    #[test]
    fn a_bounce_is_a_statement_about_our_message() {
        let reports = read(bounce("failed", "5.1.1", &returned()).as_bytes()).unwrap();
        assert_eq!(reports.len(), 1);
        let report = &reports[0];
        assert_eq!((&report.about, report.status), (&About::Message(ours()), DeliveryStatus::BouncedHard));
        assert_eq!(report.at.unwrap().to_rfc3339(), "2026-11-22T08:00:00+00:00");
        assert_eq!(report.raw_name, "failed 5.1.1");
        assert!(report.detail.as_deref().unwrap().ends_with("Recipient address rejected"));
        assert_eq!(read(bounce("failed", "5.1.1", &returned()).as_bytes()).unwrap()[0].dedupe, report.dedupe);
        assert_ne!(read(bounce("delayed", "4.4.1", &returned()).as_bytes()).unwrap()[0].dedupe, report.dedupe);
    }

    #[test]
    fn every_action_and_class_has_its_meaning() {
        use DeliveryStatus::{BouncedHard, BouncedSoft, Deferred, Delivered, Sent};
        for (action, status, meaning) in [
            ("failed", "5.1.1", Some(BouncedHard)),
            ("Failed", "5.0.0 (permanent failure)", Some(BouncedHard)),
            ("failed", "5.1.2", Some(BouncedHard)),
            ("failed", "5.1.10", Some(BouncedHard)),
            ("failed", "5.1.8", Some(BouncedSoft)),
            ("failed", "5.2.1", Some(BouncedHard)),
            ("failed", "5.2.2 (mailbox full)", Some(BouncedSoft)),
            ("failed", "5.2.3", Some(BouncedSoft)),
            ("failed", "5.3.4", Some(BouncedSoft)),
            ("failed", "5.4.1", Some(BouncedSoft)),
            ("failed", "5.6.0", Some(BouncedSoft)),
            ("failed", "5.7.1", Some(BouncedSoft)),
            ("failed", "4.4.7", Some(BouncedSoft)),
            ("failed", "", Some(BouncedSoft)),
            ("delayed", "4.2.2", Some(Deferred)),
            ("delayed", "5.2.2", Some(Deferred)),
            ("delivered", "2.1.5", Some(Delivered)),
            ("relayed", "2.0.0", Some(Sent)),
            ("expanded", "2.0.0", Some(Sent)),
            ("exploded", "5.1.1", None),
        ] {
            let reports = read(bounce(action, status, &returned()).as_bytes()).unwrap();
            assert_eq!(reports.first().map(|report| report.status), meaning, "{action} {status}");
        }
    }

    #[test]
    fn the_message_is_found_under_any_of_its_names() {
        let foreign = "text/rfc822-headers\r\n\r\nMessage-ID: <other@example.com>\r\n";
        assert_eq!(read(bounce("failed", "5.1.1", foreign).as_bytes()), Ok(Vec::new()));
        let headers = format!("text/rfc822-headers\r\n\r\nMessage-ID: <{}@dupont.example>\r\n", ours());
        let verp = bounce("failed", "5.1.1", foreign).replace("To: bounces@", &format!("To: bounces+{}@", ours()));
        let envelope =
            bounce("failed", "5.1.1", foreign).replace("Reporting-MTA", &format!("Original-Envelope-Id: {}\r\nReporting-MTA", ours()));
        let encoded = format!(
            "message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            BASE64.encode(format!("Message-ID: <{}@dupont.example>\r\n\r\n", ours()).as_bytes())
        );
        let quoted = format!(
            "message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nMessage-ID: <{}=40dupont.ex=\r\nample>\r\n",
            ours()
        );
        let unix = bounce("failed", "5.1.1", &returned()).replace("\r\n", "\n");
        let found = [
            bounce("failed", "5.1.1", &headers),
            verp,
            envelope,
            bounce("failed", "5.1.1", &encoded),
            bounce("failed", "5.1.1", &quoted),
            unix,
        ];
        for mail in found {
            assert_eq!(read(mail.as_bytes()).unwrap().first().map(|report| report.about.clone()), Some(About::Message(ours())), "{mail}");
        }
    }

    #[test]
    fn answers_and_absences_are_no_bounces() {
        let away = format!(
            "From: ann@example.com\r\nAuto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\nIn-Reply-To: <{0}@dupont.example>\r\nSubject: Absence\r\n\r\nDe retour lundi. Status: 5.1.1\r\n",
            ours()
        );
        let read_receipt =
            bounce("failed", "5.1.1", &returned()).replace("report-type=delivery-status", "report-type=disposition-notification");
        let in_words = bounce("failed", "5.1.1", &returned()).replace("multipart/report", "multipart/mixed");
        for mail in [away.as_str(), &read_receipt, &in_words, "", "\r\n\r\n", "Content-Type: multipart/report\r\n\r\n"] {
            assert_eq!(read(mail.as_bytes()), Ok(Vec::new()), "{mail}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_whole() {
        assert!(read(&vec![b'a'; MAX_BYTES + 1]).is_err());
        let deep = (0..20).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect::<String>();
        assert!(read(deep.as_bytes()).is_err());
        let wide = format!("Content-Type: multipart/report; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(500));
        assert!(read(wide.as_bytes()).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let foreign = proptest::collection::vec(any::<u8>(), 0..2_000);
        bench::fuzz(&prop_oneof![foreign, bench::damaged(bounce("failed", "5.1.1", &returned()).into_bytes())], |mail| {
            assert!(read(&mail).is_ok_and(|reports| reports.len() <= MAX_RECIPIENTS) || mail.len() > MAX_PARTS);
        });
    }
}
