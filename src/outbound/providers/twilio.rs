//! Twilio: text messages by its REST interface, status callbacks, and incoming STOP.
//!
//! Twilio takes no idempotency key and cannot be asked for a message by a key of ours: its list of messages is searched by number and day alone, which two reminders
//! share. So each message has a callback URL of its own that names it, and a lost answer stays unknown until that is called. Twilio documents 429 (20429) as never
//! processed, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::{digest, hmac};
use chrono::{DateTime, Utc};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::Value;
use url::form_urlencoded;

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade, SuppressionReason},
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        About, Capabilities, Content, Envelope, Idempotency, Inbound, Outcome, Probe, Provider, Report, Text, Unreadable, Unverified,
        excerpt,
        net::{Answer, Net},
        providers::texting::{Reply, ask, probed},
        settings::{Secret, check_url, needed},
    },
};

const SIGNATURE: &str = "x-twilio-signature";
/// The name under which our id goes along in the callback's URL, and is signed with it.
const REFERENCE: &str = "message";

/// A Twilio account. Exactly one of `from` and `messaging_service_sid` is given.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The account's SID.
    #[schema(pattern = "^AC[0-9a-fA-F]{32}$", min_length = 34, max_length = 34, example = "AC00000000000000000000000000000001")]
    pub account_sid: String,
    /// The sender: a number in E.164 form, or a name of up to eleven letters and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^(\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{1,11})$", max_length = 16, example = "+33757000000")]
    pub from: Option<String>,
    /// The messaging service that chooses the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^MG[0-9a-fA-F]{32}$", min_length = 34, max_length = 34, example = "MG00000000000000000000000000000001")]
    pub messaging_service_sid: Option<String>,
    /// Where Twilio's interface is found, when it is not its usual place.
    #[serde(default = "twilio_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://api.twilio.com")]
    pub api_base: String,
}

fn twilio_api() -> String {
    "https://api.twilio.com".to_owned()
}

/// The key of a Twilio account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The auth token: it sends, and it verifies receipts. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub auth_token: Secret,
}

/// A Twilio account.
#[derive(Debug)]
pub struct Twilio {
    account_sid: String,
    /// The form field that names the sender, and its value.
    sender: (&'static str, String),
    /// The account's own address, without an ending.
    account_url: String,
    auth_token: Secret,
    net: Net,
}

impl Twilio {
    /// The adapter of one account.
    ///
    /// # Errors
    /// No sender or two, or an interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let sid = &settings.account_sid;
        let account_url = format!("{}/2010-04-01/Accounts/{sid}", settings.api_base.trim_end_matches('/'));
        check_url(&mut faults, net, "/settings/api_base", &account_url);
        if sid.is_empty() || !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            faults.add("/settings/account_sid", "invalid", "write the account SID: AC and 32 hexadecimal digits");
        }
        let sender = match (&settings.from, &settings.messaging_service_sid) {
            (Some(from), None) => ("From", from.clone()),
            (None, Some(service)) => ("MessagingServiceSid", service.clone()),
            _ => {
                faults.add("/settings/from", "exactly_one", "give either from or messaging_service_sid");
                return Err(faults);
            }
        };
        let auth_token = credentials.auth_token.clone();
        faults.or(Self { account_sid: sid.clone(), sender, account_url, auth_token, net: net.clone() })
    }

    fn signed(&self, inbound: &Inbound) -> Result<(), Unverified> {
        let given = inbound.header(SIGNATURE)?;
        let given = BASE64.decode(given.as_bytes()).map_err(|_| Unverified::Malformed(SIGNATURE))?;
        let form = match body_digest(&inbound.url) {
            Some(expected) => {
                let expected = HEXLOWER_PERMISSIVE.decode(expected.as_bytes()).map_err(|_| Unverified::Malformed("bodySHA256"))?;
                if digest::digest(&digest::SHA256, &inbound.body).as_ref() != expected.as_slice() {
                    return Err(Unverified::Mismatch);
                }
                String::new()
            }
            None => signed_form(&inbound.body),
        };
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.auth_token.reveal().as_bytes());
        let matching =
            spellings(&inbound.url).into_iter().filter(|url| hmac::verify(&key, format!("{url}{form}").as_bytes(), &given).is_ok());
        if matching.count() > 0 { Ok(()) } else { Err(Unverified::Mismatch) }
    }

    async fn post(&self, envelope: &Envelope, text: &Text, now: DateTime<Utc>) -> Outcome {
        let mut form = vec![("To", text.to.as_str()), (self.sender.0, &self.sender.1), ("Body", &text.body)];
        let callback = envelope.receipts_url.as_ref().map(|url| callback(url.as_str(), envelope.message_id));
        if let Some(url) = &callback {
            form.push(("StatusCallback", url));
        }
        let request = match self.net.post(Mode::Live, &format!("{}/Messages.json", self.account_url)) {
            Ok(request) => request.basic_auth(&self.account_sid, Some(self.auth_token.reveal())).form(&form),
            Err(why) => return Outcome::not_sent(why.to_string()),
        };
        self.net.hand_over(request, now, outcome).await
    }
}

/// Where the status of this message is told.
fn callback(url: &str, message: MessageId) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{REFERENCE}={message}")
}

/// Our id in the URL that was called.
fn ours(url: &str) -> Option<MessageId> {
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == REFERENCE).and_then(|(_, id)| id.parse().ok())
}

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let code = json.get("code").and_then(Value::as_u64);
    match (answer.status, code) {
        (200..=299, _) => match json.get("sid").and_then(Value::as_str) {
            Some(sid) => Outcome::accepted(Some(excerpt(sid))),
            // Taken or not, we could never match its callbacks.
            None => Outcome::unknown(format!("no sid in {}", answer.summary())),
        },
        (429, _) | (_, Some(20429)) => Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after },
        (status @ 300..=499, code) => Outcome::Rejected {
            code: code.map_or_else(|| status.to_string(), |code| code.to_string()),
            reason: json.get("message").and_then(Value::as_str).map_or_else(|| answer.summary(), excerpt),
            permanent: matches!(status, 400 | 422) && !matches!(code, Some(20001..=20999 | 21603 | 21606 | 21620 | 30002)),
            suppress: code.and_then(suppression),
        },
        _ => Outcome::unknown(answer.summary()),
    }
}

/// Twilio's error codes that say something about the number itself.
const fn suppression(code: u64) -> Option<SuppressionReason> {
    match code {
        21610 => Some(SuppressionReason::Unsubscribed),
        // Invalid; not reachable by text; not a mobile number.
        21211 | 21217 | 21614 => Some(SuppressionReason::InvalidAddress),
        _ => None,
    }
}

/// The form fields of a callback; of a repeated one the last.
fn fields(body: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn status(word: &str, code: Option<&str>) -> Option<DeliveryStatus> {
    Some(match word {
        "failed" | "undelivered" if code == Some("21610") => DeliveryStatus::Unsubscribed,
        "accepted" | "scheduled" | "queued" => DeliveryStatus::Accepted,
        "sending" | "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "undelivered" => DeliveryStatus::Undelivered,
        "failed" | "canceled" => DeliveryStatus::Failed,
        "read" => DeliveryStatus::Opened,
        _ => return None,
    })
}

/// The URL as given, without its port, and with its scheme's own: proxies and load balancers change it, and Twilio signs
/// what it called.
fn spellings(url: &str) -> Vec<String> {
    let mut all = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return all };
    let path_at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(path_at).unwrap_or((rest, ""));
    let ported = authority.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    match ported {
        Some((host, _)) => all.push(format!("{scheme}://{host}{path}")),
        None => all.push(format!("{scheme}://{authority}:{}{path}", if scheme == "https" { 443 } else { 80 })),
    }
    all
}

/// The digest that Twilio puts in the URL when the body is no form.
fn body_digest(url: &str) -> Option<String> {
    let query = url.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256").map(|(_, value)| value.into_owned())
}

/// What is signed after the URL: the form's names and values, sorted, each pair once.
fn signed_form(body: &[u8]) -> String {
    let mut sorted = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, value) in form_urlencoded::parse(body).into_owned() {
        sorted.entry(name).or_default().insert(value);
    }
    sorted.iter().flat_map(|(name, values)| values.iter().flat_map(move |value| [name.as_str(), value.as_str()])).collect()
}

/// What to do so that receipts arrive.
pub const STEPS: &[&str] = &[
    "Do nothing for status callbacks: each message names {url} itself.",
    "In the Twilio console, open the sending number, or the messaging service under Integration.",
    "Set the webhook for incoming messages to {url}, with the method HTTP POST, so that STOP arrives.",
];

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Sms],
    idempotency: Idempotency::None,
    lookup: false,
    signature: ReceiptSignature::UrlAndForm,
    grade: EvidenceGrade::Handset,
};

impl Provider for Twilio {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        async move {
            match &envelope.content {
                Content::Text(text) => self.post(envelope, text, now).await,
                _ => Outcome::wrong_channel(envelope.channel()),
            }
        }
        .boxed()
    }

    /// Twilio signs no time: a replay is recognised by its [`Report::dedupe`].
    fn verify<'a>(&'a self, inbound: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(self.signed(inbound)).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let fields = fields(&inbound.body);
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let missing = |name: &str| Unreadable(format!("{name} is missing"));
        let sid = field("MessageSid").or(field("SmsSid")).ok_or_else(|| missing("MessageSid"))?;
        let word = field("MessageStatus").or(field("SmsStatus")).ok_or_else(|| missing("MessageStatus"))?;
        let code = field("ErrorCode");
        if matches!(word, "received" | "receiving") {
            let from = field("From").ok_or_else(|| missing("From"))?;
            let reply = Reply { from, text: field("Body").unwrap_or_default(), id: sid, at: None };
            // Twilio knows further words, and those that the account has made its own.
            return if field("OptOutType") == Some("STOP") { Ok(vec![reply.opted_out()?]) } else { reply.stop() };
        }
        let status = status(word, code).ok_or_else(|| Unreadable(excerpt(&format!("unknown status {word}"))))?;
        let about = ours(&inbound.url).map_or_else(|| About::ProviderId(excerpt(sid)), About::Message);
        let dedupe = excerpt(&format!("{sid}:{word}"));
        let detail = code.map(|code| excerpt(&format!("error {code}")));
        Ok(vec![Report { about, status, at: None, dedupe, raw_name: excerpt(word), detail }])
    }

    fn answer(&self) -> u16 {
        204
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let url = format!("{}.json", self.account_url);
            let authorised = |request: RequestBuilder| request.basic_auth(&self.account_sid, Some(self.auth_token.reveal()));
            let state = |json: &Value| json.get("status")?.as_str().map(str::to_owned);
            match probed(ask(&self.net, &url, authorised, now).await, state) {
                Probe::Fine { detail: Some(state) } if state != "active" => Probe::Refused(format!("the account is {state}")),
                Probe::Fine { .. } => Probe::Fine { detail: None },
                other => other,
            }
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests {
    use super::*;
    use crate::outbound::bench::{self, Contract, Script};

    fn adapter(api_base: &str, token: &str) -> Twilio {
        let settings = Settings {
            account_sid: format!("AC{}", "0".repeat(32)),
            from: Some("+33757000000".into()),
            messaging_service_sid: None,
            api_base: api_base.into(),
        };
        Twilio::open(&settings, Some(&Credentials { auth_token: Secret::new(token) }), &bench::net()).unwrap()
    }

    /// What anybody can compute from the scheme's description; the published vectors are tried below.
    pub fn vectors() -> Option<bench::Vectors> {
        let url = "https://api.example.com/in?a=b";
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"token");
        let signature = BASE64.encode(hmac::sign(&key, format!("{url}MessageSidSM1MessageStatussent").as_bytes()).as_ref());
        let inbound = bench::inbound(url, &[(SIGNATURE, &signature)], b"MessageSid=SM1&MessageStatus=sent");
        Some(bench::Vectors {
            adapter: Box::new(adapter("http://127.0.0.1:1", "token")),
            other: Box::new(adapter("http://127.0.0.1:1", "other")),
            header: SIGNATURE,
            genuine: vec![(inbound, DateTime::UNIX_EPOCH)],
            covers_body: true,
            covers_time: false,
        })
    }

    async fn send(script: Script) -> Outcome {
        let server = bench::http(script);
        adapter(&server.url, "token").send(&bench::text("+33612345678"), DateTime::UNIX_EPOCH).await
    }

    #[tokio::test]
    async fn every_answer_has_its_outcome() {
        let contract = Contract {
            open: &|base| Box::new(adapter(base, "token")),
            envelope: bench::text("+33612345678"),
            accepted: (201, "", r#"{"sid":"SM1","status":"queued"}"#),
            provider_id: Some("SM1"),
            refused: (400, "", r#"{"code":21211,"message":"bad number"}"#),
            forbidden: (401, "", r#"{"code":20003,"message":"authenticate"}"#),
            limited: (429, "Retry-After: 3\r\n", r#"{"code":20429}"#),
            bodiless: false,
        };
        contract.hold().await;
        let cases = [
            (400, r#"{"code":21610,"message":"opted out"}"#, true, Some(SuppressionReason::Unsubscribed)),
            (400, r#"{"code":21211,"message":"bad number"}"#, true, Some(SuppressionReason::InvalidAddress)),
            (400, r#"{"code":21614,"message":"landline"}"#, true, Some(SuppressionReason::InvalidAddress)),
            (400, r#"{"code":21606,"message":"bad sender"}"#, false, None),
            (401, r#"{"code":20003,"message":"authenticate"}"#, false, None),
            (404, "<html>", false, None),
        ];
        for (status, body, of_message, why) in cases {
            let outcome = send(Script::Answer(status, "", body)).await;
            assert!(
                matches!(outcome, Outcome::Rejected { permanent, suppress, .. } if permanent == of_message && suppress == why),
                "{body} {outcome:?}"
            );
        }
        let mail = adapter(&bench::refused(), "token").send(&bench::mail("ann@example.com"), DateTime::UNIX_EPOCH).await;
        assert!(matches!(mail, Outcome::Rejected { permanent: true, .. }));
    }

    #[tokio::test]
    async fn the_form_says_who_to_whom_and_where_to_report() {
        let server = bench::http(Script::Answer(201, "", r#"{"sid":"SM1"}"#));
        let envelope = bench::text("+33612345678");
        adapter(&server.url, "token").send(&envelope, DateTime::UNIX_EPOCH).await;
        let request = server.requests().remove(0);
        assert!(request.url.ends_with(&format!("/2010-04-01/Accounts/AC{}/Messages.json", "0".repeat(32))));
        assert_eq!(request.headers["authorization"], format!("Basic {}", BASE64.encode(format!("AC{}:token", "0".repeat(32)).as_bytes())));
        let form = fields(&request.body);
        let told = format!("https://api.example.com/in/pac_1?message={}", envelope.message_id);
        for (name, value) in [("To", "+33612345678"), ("From", "+33757000000"), ("Body", "Bonjour & merci"), ("StatusCallback", &told)] {
            assert_eq!(form[name], value);
        }
        // Though the answer may have been lost: what is told there is about this message.
        let inbound = bench::inbound(&told, &[], b"MessageSid=SM1&MessageStatus=sent");
        let report = adapter(&server.url, "token").parse(&inbound).unwrap().remove(0);
        assert_eq!((report.about, report.dedupe.as_str()), (About::Message(envelope.message_id), "SM1:sent"));
    }

    #[tokio::test]
    async fn the_account_is_asked_how_it_stands() {
        let probe = async |status: u16, body: &'static str| {
            let server = bench::http(Script::Answer(status, "", body));
            let found = adapter(&server.url, "token").probe(DateTime::UNIX_EPOCH).await;
            assert!(server.requests()[0].url.ends_with(&format!("/Accounts/AC{}.json", "0".repeat(32))));
            found
        };
        assert_eq!(probe(200, r#"{"status":"active"}"#).await, Probe::Fine { detail: None });
        assert_eq!(probe(200, r#"{"status":"suspended"}"#).await, Probe::Refused("the account is suspended".to_owned()));
        assert!(matches!(probe(401, r#"{"code":20003}"#).await, Probe::Refused(_)));
        assert!(matches!(probe(429, "").await, Probe::Unreachable(_)));
        assert!(matches!(adapter(&bench::refused(), "token").probe(DateTime::UNIX_EPOCH).await, Probe::Unreachable(_)));
    }

    fn callback(fields: &[(&str, &str)]) -> Inbound {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        bench::inbound("https://api.example.com/in", &[], body.as_bytes())
    }

    #[test]
    fn callbacks_and_stop_are_read() {
        let adapter = adapter("http://127.0.0.1:1", "token");
        let read = |fields: &[(&str, &str)]| adapter.parse(&callback(fields));
        let reports = read(&[("MessageSid", "SM1"), ("MessageStatus", "undelivered"), ("ErrorCode", "30005")]).unwrap();
        assert_eq!((&reports[0].about, reports[0].status), (&About::ProviderId("SM1".into()), DeliveryStatus::Undelivered));
        assert_eq!((reports[0].dedupe.as_str(), reports[0].detail.as_deref()), ("SM1:undelivered", Some("error 30005")));
        let stop = read(&[("MessageSid", "SM2"), ("SmsStatus", "received"), ("From", "+33612345678"), ("Body", " arrêt. ")]).unwrap();
        assert_eq!((&stop[0].about, stop[0].status), (&About::Number("+33612345678".parse().unwrap()), DeliveryStatus::Unsubscribed));
        assert_eq!(
            read(&[("MessageSid", "SM3"), ("SmsStatus", "received"), ("From", "+33612345678"), ("Body", "Do not stop")]),
            Ok(vec![])
        );
        assert_eq!(
            read(&[("MessageSid", "SM4"), ("MessageStatus", "failed"), ("ErrorCode", "21610")]).unwrap()[0].status,
            DeliveryStatus::Unsubscribed
        );
        for wrong in [&[("MessageStatus", "sent")][..], &[("MessageSid", "SM1")], &[("MessageSid", "SM1"), ("MessageStatus", "eaten")]] {
            assert!(read(wrong).is_err());
        }
    }

    #[test]
    fn a_signature_covers_url_and_form() {
        let adapter = adapter("http://127.0.0.1:1", "token");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"token");
        let sign = |text: &str| BASE64.encode(hmac::sign(&key, text.as_bytes()).as_ref());
        let verify = |url: &str, signature: &str, body: &str| {
            bench::verify(&adapter, &bench::inbound(url, &[(SIGNATURE, signature)], body.as_bytes()), DateTime::UNIX_EPOCH)
        };
        let url = "https://api.example.com/in?a=b";
        let good = sign(&format!("{url}MessageSidSM1MessageStatussent"));
        assert_eq!(verify(url, &good, "MessageStatus=sent&MessageSid=SM1"), Ok(()));
        assert_eq!(verify("https://api.example.com:8443/in?a=b", &good, "MessageSid=SM1&MessageStatus=sent"), Ok(()));
        for (url, body) in [(url, "MessageSid=SM2&MessageStatus=sent"), ("https://api.example.com/in", "MessageSid=SM1&MessageStatus=sent")]
        {
            assert_eq!(verify(url, &good, body), Err(Unverified::Mismatch));
        }
        for (short, why) in
            [("", Unverified::Mismatch), (good.get(..4).unwrap(), Unverified::Mismatch), ("%", Unverified::Malformed(SIGNATURE))]
        {
            assert_eq!(verify(url, short, "MessageSid=SM1&MessageStatus=sent"), Err(why));
        }
        assert_eq!(bench::verify(&adapter, &callback(&[]), DateTime::UNIX_EPOCH), Err(Unverified::Missing(SIGNATURE)));
    }

    #[test]
    fn agrees_with_the_published_vectors() {
        let Some(vectors) = bench::vectors("twilio.json") else { return };
        let adapter = adapter("http://127.0.0.1:1", vectors["auth_token"].as_str().unwrap());
        for case in vectors["cases"].as_array().unwrap() {
            let body = match case["params"].as_array() {
                Some(params) => {
                    let pairs = params.iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
                    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
                }
                None => case["body"].as_str().unwrap().to_owned(),
            };
            let inbound =
                bench::inbound(case["url"].as_str().unwrap(), &[(SIGNATURE, case["signature"].as_str().unwrap())], body.as_bytes());
            let verdict = bench::verify(&adapter, &inbound, DateTime::UNIX_EPOCH);
            assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}", case["name"]);
        }
    }
}
