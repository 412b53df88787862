//! A gateway of the tenant's own: we post `message.send`, it reports `message.delivered` and the like. Both ways are
//! signed as Standard Webhooks says, with one secret.
//!
//! The contract that a gateway keeps: any 2xx means taken, with an optional JSON `{"id": …}`; the `webhook-id` is the
//! message's idempotency key and must be recognised for 24 hours; 429, and 503 with `Retry-After`, mean never processed;
//! any other 5xx leaves the outcome open.
//!
//! A letter comes as `to` and `from` (`name`, `attention`, `lines`, `postal_code`, `city`, `country`), `service` (`simple`, `tracked`, `registered`) and `pdf_base64`. Its stages are reported
//! like any status (`message.presented`, `message.awaiting_pickup`, `message.refused`, `message.unclaimed`, …); a document of the post as `message.proof`, with `kind` (`deposit`,
//! `signed_receipt`, `refusal`, `unclaimed`, `content`), `media_type` and `content_base64`.
//!
//! Two questions a gateway may answer, or not (400, 404 to a look-up, 422, 501): `account.check`, whether it knows us, with any 2xx; and `message.look_up`, whether it
//! has a message, with 200 and `{"found": true, "id": …, "status": …, "at": …}` or `{"found": false}`.

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use futures_util::future::{BoxFuture, FutureExt, ready};
use serde_json::{Value, json};

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, ProofKind},
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Attachment, Capabilities, Content, Envelope, Found, Idempotency, Inbound, Line, Outcome, Postal, Probe, Proof, Provider,
        Report, Sought, Unreadable, Unverified, excerpt,
        net::{Answer, Net, RequestBuilder},
        settings::{Secret, check_url, needed},
        signing::Signer,
    },
};

/// A gateway of your own: it receives `message.send` and reports `message.delivered` and the like.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where messages are posted to. https in live mode, never a private address, never redirected.
    #[schema(format = "uri", min_length = 8, max_length = 2048, example = "https://gateway.example.com/relance")]
    pub url: String,
}

/// The secret shared with a gateway.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Signs both ways, as Standard Webhooks says: `whsec_` and the base64 of 24 to 64 random bytes. Never shown again.
    #[schema(value_type = String, format = Password, write_only, pattern = "^whsec_[A-Za-z0-9+/]{32,88}={0,2}$", max_length = 96,
        example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Secret,
}

/// The gateway's account.
#[derive(Debug)]
pub struct Webhook {
    url: String,
    signer: Signer,
    net: Net,
}

impl Webhook {
    /// The adapter of one account.
    ///
    /// # Errors
    /// A URL that is not called, a secret that is none.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        check_url(&mut faults, net, "/settings/url", &settings.url);
        match Signer::new(credentials.secret.reveal()) {
            Ok(signer) => faults.or(Self { url: settings.url.clone(), signer, net: net.clone() }),
            Err(why) => {
                faults.add("/credentials/secret", "invalid_secret", why);
                Err(faults)
            }
        }
    }

    async fn post(&self, envelope: &Envelope, now: DateTime<Utc>) -> Outcome {
        match self.signed(envelope.idempotency_key.as_str(), &body(envelope, now), now) {
            Ok(request) => self.net.hand_over(request, now, outcome).await,
            Err(why) => Outcome::not_sent(why),
        }
    }

    async fn check(&self, now: DateTime<Utc>) -> Probe {
        let body = json!({ "type": "account.check", "timestamp": now, "data": {} });
        let request = match self.signed(&format!("check_{}", now.timestamp_micros()), &body, now) {
            Ok(request) => request,
            Err(why) => return Probe::Refused(why),
        };
        match self.net.call(request, now).await {
            Ok(answer) => match answer.status {
                200..=299 => Probe::Fine { detail: None },
                400 | 422 | 501 => Probe::NotOffered,
                300..=399 | 401..=405 | 407 | 410 => Probe::Refused(answer.summary()),
                _ => Probe::Unreachable(answer.summary()),
            },
            Err(why) => Probe::Unreachable(why.to_string()),
        }
    }

    async fn find(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let data = json!({ "message_id": sought.message_id, "id": sought.provider_id, "sent_at": sought.sent_at });
        let body = json!({ "type": "message.look_up", "timestamp": now, "data": data });
        let request = match self.signed(&format!("look_up_{}_{}", sought.message_id, now.timestamp_micros()), &body, now) {
            Ok(request) => request,
            Err(why) => return Found::Failed(why),
        };
        match self.net.call(request, now).await {
            Ok(answer) => found(&answer, sought.message_id),
            Err(why) => Found::Failed(why.to_string()),
        }
    }

    /// A signed request, or why there can be none.
    fn signed(&self, id: &str, body: &Value, now: DateTime<Utc>) -> Result<RequestBuilder, String> {
        let body = body.to_string().into_bytes();
        let headers = self.signer.headers(id, now, &body).map_err(|_| "the message cannot be signed".to_owned())?;
        let request = self.net.post(Mode::Live, &self.url).map_err(|why| why.to_string())?;
        let request = request.header("content-type", "application/json").body(body);
        Ok(headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
    }
}

fn body(envelope: &Envelope, now: DateTime<Utc>) -> Value {
    let mut data = match &envelope.content {
        Content::Mail(mail) => json!({
            "to": mail.to, "to_name": mail.to_name, "from_name": mail.from_name, "reply_to": mail.reply_to,
            "subject": mail.subject, "html": mail.html, "text": mail.text, "list_unsubscribe": mail.list_unsubscribe,
        }),
        Content::Text(text) => json!({ "to": text.to, "text": text.body }),
        Content::Letter(letter) => json!({
            "to": postal(&letter.to), "from": postal(&letter.from), "service": letter.service,
            "pdf_base64": BASE64.encode(&letter.pdf),
        }),
    };
    if let (Value::Object(fields), Content::Mail(mail)) = (&mut data, &envelope.content)
        && !mail.attachments.is_empty()
    {
        let attachment =
            |one: &Attachment| json!({"name": one.name, "media_type": one.media_type, "content_base64": BASE64.encode(&one.bytes)});
        fields.insert("attachments".to_owned(), mail.attachments.iter().map(attachment).collect());
    }
    if let Value::Object(fields) = &mut data {
        fields.insert("message_id".to_owned(), json!(envelope.message_id));
        fields.insert("channel".to_owned(), json!(envelope.channel()));
    }
    json!({ "type": "message.send", "timestamp": now, "data": data })
}

fn postal(at: &Postal) -> Value {
    json!({
        "name": at.name, "attention": at.attention, "lines": at.lines, "postal_code": at.postal_code, "city": at.city,
        "country": at.country,
    })
}

fn outcome(answer: &Answer) -> Outcome {
    match (answer.status, answer.retry_after) {
        (200..=299, _) => Outcome::accepted(provider_id(answer)),
        (429, retry_after) => Outcome::NotSent { reason: answer.summary(), retry_after },
        (503, Some(pause)) => Outcome::NotSent { reason: answer.summary(), retry_after: Some(pause) },
        // The server says that it did not see the whole request; nothing says that it ignored what it saw.
        (408, _) => Outcome::unknown(answer.summary()),
        (status @ 300..=499, _) => Outcome::Rejected {
            code: status.to_string(),
            reason: answer.summary(),
            // The gateway, not the message, is at fault when it has moved, is gone or does not know us.
            permanent: !matches!(status, 300..=399 | 401..=405 | 407 | 410),
            suppress: None,
        },
        _ => Outcome::unknown(answer.summary()),
    }
}

fn found(answer: &Answer, message: MessageId) -> Found {
    match answer.status {
        200 => {}
        400 | 404 | 422 | 501 => return Found::NotOffered,
        _ => return Found::Failed(answer.summary()),
    }
    // A gateway that takes whatever it is sent has not understood the question.
    let Some(known) = answer.json().and_then(|body| serde_json::from_value::<Known>(body).ok()) else { return Found::NotOffered };
    if !known.found {
        return Found::Absent;
    }
    let report = known.status.map(|status| Report {
        about: About::Message(message),
        status,
        at: known.at,
        dedupe: format!("look_up:{message}:{status}"),
        raw_name: format!("look_up.{status}"),
        detail: None,
    });
    Found::Taken { provider_id: provider_id(answer), reports: report.into_iter().collect() }
}

/// What a gateway knows of a message.
#[derive(serde::Deserialize)]
struct Known {
    found: bool,
    status: Option<DeliveryStatus>,
    at: Option<DateTime<Utc>>,
}

fn provider_id(answer: &Answer) -> Option<String> {
    let id = answer.json()?.get("id")?.as_str().map(excerpt)?;
    Some(id).filter(|id| !id.is_empty())
}

/// A receipt's body. Gateways may add fields of their own.
#[derive(serde::Deserialize)]
struct Receipt {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(serde::Deserialize)]
struct Data {
    message_id: MessageId,
    status: Option<DeliveryStatus>,
    at: Option<DateTime<Utc>>,
    detail: Option<String>,
}

/// A document of the post.
#[derive(serde::Deserialize)]
struct Paper {
    message_id: MessageId,
    kind: ProofKind,
    media_type: Line,
    content_base64: String,
}

/// The document in a report of type `message.proof`. One that cannot be read now cannot be read later: it stays as it came.
fn proofs(body: &[u8]) -> Result<Vec<Proof>, String> {
    #[derive(serde::Deserialize)]
    struct Report {
        #[serde(rename = "type")]
        kind: String,
        data: Value,
    }
    let Ok(report) = serde_json::from_slice::<Report>(body) else { return Ok(Vec::new()) };
    if report.kind != "message.proof" {
        return Ok(Vec::new());
    }
    let paper: Paper = serde_json::from_value(report.data).map_err(|error| excerpt(&error.to_string()))?;
    let bytes = BASE64.decode(paper.content_base64.as_bytes()).map_err(|error| error.to_string())?;
    let Paper { message_id, kind, media_type, .. } = paper;
    Ok(vec![Proof { about: About::Message(message_id), kind, media_type, bytes: bytes.into() }])
}

/// What to do so that receipts arrive.
pub const STEPS: &[&str] = &[
    "Have the gateway post its reports to {url}.",
    "Have it sign them as Standard Webhooks says, with the secret of this account.",
    "Have it repeat a report until it is answered 2xx.",
];

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Email, Channel::Sms, Channel::Letter],
    idempotency: Idempotency::Key(TimeDelta::hours(24)),
    lookup: true,
    signature: ReceiptSignature::StandardWebhooks,
    grade: EvidenceGrade::SignedReceipt,
};

impl Provider for Webhook {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        self.post(envelope, now).boxed()
    }

    fn verify<'a>(&'a self, inbound: &'a Inbound, now: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(self.signer.verify(inbound, now)).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let wrong = |error: &dyn std::fmt::Display| Unreadable(excerpt(&error.to_string()));
        let receipt: Receipt = serde_json::from_slice(&inbound.body).map_err(|error| wrong(&error))?;
        let Some(word) = receipt.kind.strip_prefix("message.").filter(|word| *word != "proof") else { return Ok(Vec::new()) };
        let named: DeliveryStatus = word.parse().map_err(|error: String| wrong(&error))?;
        if receipt.data.status.is_some_and(|status| status != named) {
            return Err(Unreadable(format!("type says {named}, data.status says otherwise")));
        }
        let dedupe = inbound.header("webhook-id").map_err(|error| wrong(&error))?.to_owned();
        let detail = receipt.data.detail.as_deref().map(excerpt);
        let about = About::Message(receipt.data.message_id);
        Ok(vec![Report { about, status: named, at: receipt.data.at, dedupe, raw_name: receipt.kind, detail }])
    }

    fn proofs<'a>(&'a self, inbound: &'a Inbound, _now: DateTime<Utc>) -> BoxFuture<'a, Result<Vec<Proof>, String>> {
        ready(proofs(&inbound.body)).boxed()
    }

    fn answer(&self) -> u16 {
        204
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.find(sought, now).boxed()
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        self.check(now).boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outbound::{
        bench::{self, Script},
        settings::Secret,
    };

    fn adapter(url: &str) -> Webhook {
        let secret = Credentials { secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") };
        Webhook::open(&Settings { url: url.to_owned() }, Some(&secret), &bench::net()).unwrap()
    }

    /// What it signs itself, it believes.
    pub fn vectors() -> Option<bench::Vectors> {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let body = br#"{"type":"message.delivered","data":{}}"#;
        let open = |secret: &str| {
            let (settings, secret) =
                (Settings { url: "https://gateway.example.com".to_owned() }, Credentials { secret: Secret::new(secret) });
            Webhook::open(&settings, Some(&secret), &bench::net()).unwrap()
        };
        let adapter = open("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let headers = adapter.signer.headers("evt_1", now, body).unwrap();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Some(bench::Vectors {
            genuine: vec![(bench::inbound("https://api.example.com/in", &headers, body), now)],
            adapter: Box::new(adapter),
            other: Box::new(open("whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            header: "webhook-signature",
            covers_body: true,
            covers_time: true,
        })
    }

    async fn send(script: Script) -> Outcome {
        let server = bench::http(script);
        adapter(&server.url).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn every_answer_has_its_outcome() {
        let pause = Some(Duration::from_secs(7));
        assert_eq!(send(Script::Answer(200, "", r#"{"id":"abc"}"#)).await, Outcome::accepted(Some("abc".into())));
        for taken in [
            Script::Answer(204, "", ""),
            Script::Answer(202, "", "<html>"),
            Script::Answer(200, "", r#"{"id":7}"#),
            Script::Flood,
            Script::Drip,
        ] {
            assert_eq!(send(taken).await, Outcome::accepted(None));
        }
        for (status, fault_of_message) in [(400, true), (422, true), (413, true), (401, false), (404, false), (410, false), (302, false)] {
            let outcome = send(Script::Answer(status, "", "no")).await;
            assert!(matches!(outcome, Outcome::Rejected { permanent, .. } if permanent == fault_of_message), "{status} {outcome:?}");
        }
        for (status, header, expected) in [(429, "Retry-After: 7\r\n", pause), (429, "", None), (503, "Retry-After: 7\r\n", pause)] {
            let outcome = send(Script::Answer(status, header, "later")).await;
            assert!(matches!(outcome, Outcome::NotSent { retry_after, .. } if retry_after == expected), "{status} {outcome:?}");
        }
        for lost in [
            Script::Answer(500, "", "oops"),
            Script::Answer(503, "", ""),
            Script::Answer(408, "", ""),
            Script::Hang,
            Script::Drop,
            Script::Garbage,
        ] {
            assert!(matches!(send(lost).await, Outcome::Unknown { .. }));
        }
        let refused = adapter(&bench::refused()).send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await;
        assert!(matches!(refused, Outcome::NotSent { retry_after: None, .. }));
    }

    #[tokio::test]
    async fn what_is_sent_is_signed_and_carries_the_key() {
        let server = bench::http(Script::Answer(204, "", ""));
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (adapter, envelope) = (adapter(&server.url), bench::text("+33612345678"));
        adapter.send(&envelope, now).await;
        let request = server.requests().remove(0);
        assert_eq!(request.headers["webhook-id"], envelope.idempotency_key.as_str());
        assert_eq!(bench::verify(&adapter, &request, now), Ok(()));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["channel"], &body["data"]["to"]),
            (&json!("message.send"), &json!("sms"), &json!("+33612345678"))
        );
        assert_eq!(body["data"]["message_id"], json!(envelope.message_id));
    }

    #[tokio::test]
    async fn a_letter_is_posted_whole_and_its_proofs_are_read() {
        let server = bench::http(Script::Answer(202, "", ""));
        let (adapter, envelope) = (adapter(&server.url), bench::letter_to("Lille"));
        assert_eq!(adapter.send(&envelope, DateTime::UNIX_EPOCH).await, Outcome::accepted(None));
        let data = serde_json::from_slice::<Value>(&server.requests().remove(0).body).unwrap()["data"].clone();
        let to = json!({"name": "Durand & Fils", "attention": "Ann Émile", "lines": ["12 rue de l'Église", "Bâtiment B"], "postal_code": "75011", "city": "Lille", "country": "FR"});
        assert_eq!((&data["to"], &data["from"]["city"], &data["service"]), (&to, &json!("Lyon"), &json!("registered")));
        assert_eq!((&data["channel"], &data["pdf_base64"]), (&json!("letter"), &json!(BASE64.encode(b"%PDF-1.7\0\xff"))));
        let read = async |kind: &str, content: &str| {
            let data =
                json!({"message_id": envelope.message_id, "kind": "signed_receipt", "media_type": "image/png", "content_base64": content});
            let body = json!({"type": kind, "data": data}).to_string();
            let inbound = bench::inbound("https://x.example/", &[("webhook-id", "evt_1")], body.as_bytes());
            assert_eq!(adapter.parse(&inbound).map(|reports| reports.is_empty()), Ok(kind == "message.proof"));
            adapter.proofs(&inbound, DateTime::UNIX_EPOCH).await
        };
        let found = read("message.proof", "iVBORw==").await.unwrap().remove(0);
        assert_eq!((found.kind, &*found.bytes), (ProofKind::SignedReceipt, b"\x89PNG".as_slice()));
        assert_eq!(found.about, About::Message(envelope.message_id));
        assert!(read("message.proof", "%").await.is_err() && read("message.delivered", "%").await.unwrap().is_empty());
    }

    #[test]
    fn receipts_are_read_in_our_words_and_nothing_else() {
        let adapter = adapter("http://127.0.0.1:1/");
        let id = MessageId::new(DateTime::UNIX_EPOCH);
        let read =
            |body: Value| adapter.parse(&bench::inbound("https://x.example/", &[("webhook-id", "evt_1")], body.to_string().as_bytes()));
        let reports = read(
            json!({"type": "message.bounced_hard", "data": {"message_id": id, "status": "bounced_hard", "at": "2026-11-21T10:00:00Z"}}),
        )
        .unwrap();
        assert_eq!(
            (&reports[0].about, reports[0].status, reports[0].dedupe.as_str()),
            (&About::Message(id), DeliveryStatus::BouncedHard, "evt_1")
        );
        assert_eq!(reports[0].at.unwrap().timestamp(), 1_795_255_200);
        assert_eq!(read(json!({"type": "gateway.ping", "data": {"message_id": id}})), Ok(vec![]));
        for wrong in [
            json!({"type": "message.eaten", "data": {"message_id": id}}),
            json!({"type": "message.delivered", "data": {"message_id": id, "status": "failed"}}),
            json!({"type": "message.delivered", "data": {"message_id": "cus_1"}}),
            json!([]),
        ] {
            assert!(read(wrong).is_err());
        }
    }

    #[test]
    fn settings_are_checked_together() {
        let settings = Settings { url: "http://10.0.0.1/".into() };
        let strict = Net::new(Default::default(), Default::default()).unwrap();
        let faults = Webhook::open(&settings, Some(&Credentials { secret: Secret::new("whsec_") }), &strict).unwrap_err();
        let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/settings/url", "/credentials/secret"]);
    }

    #[tokio::test]
    async fn a_gateway_may_say_whether_it_knows_us() {
        let cases = [
            (204, "fine"),
            (401, "refused"),
            (404, "refused"),
            (302, "refused"),
            (400, "not offered"),
            (501, "not offered"),
            (500, "unreachable"),
        ];
        for (status, expected) in cases {
            let server = bench::http(Script::Answer(status, "", "{}"));
            let word = match adapter(&server.url).probe(DateTime::UNIX_EPOCH).await {
                Probe::Fine { .. } => "fine",
                Probe::Refused(_) => "refused",
                Probe::Unreachable(_) => "unreachable",
                Probe::NotOffered => "not offered",
            };
            assert_eq!(word, expected, "{status}");
        }
        assert!(matches!(adapter(&bench::refused()).probe(DateTime::UNIX_EPOCH).await, Probe::Unreachable(_)));
    }

    #[tokio::test]
    async fn a_gateway_may_say_whether_it_has_a_message() {
        let sought = Sought { message_id: MessageId::new(DateTime::UNIX_EPOCH), provider_id: None, sent_at: DateTime::UNIX_EPOCH };
        let ask = async |status, body| {
            let server = bench::http(Script::Answer(status, "", body));
            adapter(&server.url).look_up(&sought, DateTime::UNIX_EPOCH).await
        };
        let Found::Taken { provider_id, reports } = ask(200, r#"{"found":true,"id":"gw-1","status":"delivered"}"#).await else {
            panic!("not found")
        };
        assert_eq!((provider_id.as_deref(), reports[0].status, reports.len()), (Some("gw-1"), DeliveryStatus::Delivered, 1));
        assert_eq!(ask(200, r#"{"found":true}"#).await, Found::Taken { provider_id: None, reports: Vec::new() });
        assert_eq!(ask(200, r#"{"found":false}"#).await, Found::Absent);
        for (status, body) in [(200, "{}"), (200, "ok"), (404, "{}"), (501, "")] {
            assert_eq!(ask(status, body).await, Found::NotOffered, "{status} {body}");
        }
        assert!(matches!(ask(500, "{}").await, Found::Failed(_)));
        assert!(matches!(adapter(&bench::refused()).look_up(&sought, DateTime::UNIX_EPOCH).await, Found::Failed(_)));
    }
}
