//! OVHcloud: text messages by its SMS interface. Every call is signed; its callbacks are not.
//!
//! OVHcloud takes no idempotency key, but our own id as a `tag`, by which it can be asked for a message whose answer was lost. What became of a message is
//! learnt by asking too ([`Provider::look_up`]); the callback by GET, for which the path is the only credential, tells it sooner. Whoever answers STOP is kept off
//! by OVHcloud itself; how it passes answers on is published nowhere, so none is read here.
//!
//! The time of a call is signed: a clock that is wrong by some minutes makes OVHcloud refuse the account.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::{
    domain::{
        contact::Channel,
        delivery::{DeliveryStatus, EvidenceGrade},
        ids::{MessageId, Mode},
        invalid::Faults,
        provider::ReceiptSignature,
        template::sms::{Encoding, segments},
    },
    outbound::{
        About, Capabilities, Content, Envelope, Found, Idempotency, Inbound, Outcome, Probe, Provider, Report, Sought, Text, Unreadable,
        Unverified, excerpt,
        net::{Answer, Failure, Net},
        providers::texting::{ask, found, moment, probed},
        settings::{Secret, check_url, needed},
    },
};

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "Create an application at https://eu.api.ovh.com/createToken/ with the rights GET, POST and PUT on /sms/*, and copy its three keys into this account's credentials.",
    "In the OVHcloud API console, call PUT /sms/{serviceName} with {url} as callBack.",
    "Have the sender validated in the OVHcloud control panel before the first message.",
];

/// An SMS account at OVHcloud.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The SMS account's name.
    #[schema(pattern = "^sms-[A-Za-z0-9]+-[0-9]+$", min_length = 7, max_length = 60, example = "sms-ab12345-1")]
    pub service_name: String,
    /// The sender that OVHcloud has validated; without one, a short number to which people in France can answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = r"^(\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{1,11})$", max_length = 16, example = "Dupont")]
    pub from: Option<String>,
    /// Whether OVHcloud adds how to stop such messages. With it, it sends from Monday to Saturday between 8 and 20 h only, as for advertising, which a reminder
    /// of a debt is not.
    #[serde(default)]
    #[schema(example = false)]
    pub stop_clause: bool,
    /// Where OVHcloud's interface is found, when it is not its usual place.
    #[serde(default = "ovh_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://eu.api.ovh.com/1.0")]
    pub api_base: String,
}

fn ovh_api() -> String {
    "https://eu.api.ovh.com/1.0".to_owned()
}

/// The keys of an application at OVHcloud.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The application key.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 100, example = "0123456789abcdef")]
    pub application_key: Secret,
    /// The application secret. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 100, example = "0123456789abcdef0123456789abcdef")]
    pub application_secret: Secret,
    /// The consumer key: what the application may do. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 100, example = "0123456789abcdef0123456789abcdef")]
    pub consumer_key: Secret,
}

/// An SMS account at OVHcloud.
#[derive(Debug)]
pub struct Ovhcloud {
    /// The SMS account's own address.
    account_url: Url,
    from: Option<String>,
    stop_clause: bool,
    keys: Credentials,
    net: Net,
}

impl Ovhcloud {
    /// The adapter of one account.
    ///
    /// # Errors
    /// A name that is no SMS account's, or an interface that is not called.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let service = &settings.service_name;
        if service.is_empty() || !service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            faults.add("/settings/service_name", "invalid", "write the SMS account's name, such as sms-ab12345-1");
        }
        let url = format!("{}/sms/{service}", settings.api_base.trim_end_matches('/'));
        check_url(&mut faults, net, "/settings/api_base", &url);
        let Ok(account_url) = Url::parse(&url) else { return Err(faults) };
        let (from, stop_clause) = (settings.from.clone(), settings.stop_clause);
        faults.or(Self { account_url, from, stop_clause, keys: credentials.clone(), net: net.clone() })
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.account_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }

    fn signed(&self, request: RequestBuilder, method: &str, url: &str, body: &str, now: DateTime<Utc>) -> RequestBuilder {
        let time = now.timestamp().to_string();
        let Credentials { application_key, application_secret, consumer_key } = &self.keys;
        let signature = signature(application_secret.reveal(), consumer_key.reveal(), method, url, body, &time);
        request
            .header("x-ovh-application", application_key.reveal())
            .header("x-ovh-consumer", consumer_key.reveal())
            .header("x-ovh-timestamp", time)
            .header("x-ovh-signature", signature)
    }

    async fn post(&self, envelope: &Envelope, text: &Text, now: DateTime<Utc>) -> Outcome {
        let url = self.url(&["jobs"]);
        let body = self.job(envelope, text).to_string();
        match self.net.post(Mode::Live, url.as_str()) {
            Ok(request) => {
                let request = request.header("content-type", "application/json");
                let request = self.signed(request, "POST", url.as_str(), &body, now).body(body);
                self.net.hand_over(request, now, outcome).await
            }
            Err(why) => Outcome::not_sent(why.to_string()),
        }
    }

    fn job(&self, envelope: &Envelope, text: &Text) -> Value {
        let coding = match segments(&text.body).encoding {
            Encoding::Gsm7 => "7bit",
            Encoding::Ucs2 => "8bit",
        };
        let mut job = json!({
            "message": text.body, "receivers": [text.to], "tag": envelope.message_id, "noStopClause": !self.stop_clause,
            "charset": "UTF-8", "coding": coding, "priority": "high",
        });
        if let Some(fields) = job.as_object_mut() {
            match &self.from {
                Some(sender) => fields.insert("sender".to_owned(), json!(sender)),
                None => fields.insert("senderForResponse".to_owned(), json!(true)),
            };
        }
        job
    }

    async fn get(&self, url: &Url, now: DateTime<Utc>) -> Result<Answer, Failure> {
        ask(&self.net, url.as_str(), |request| self.signed(request, "GET", url.as_str(), "", now), now).await
    }

    /// The numbers in a list, if that is the answer.
    async fn list(&self, url: &Url, now: DateTime<Utc>) -> Result<Vec<u64>, Found> {
        match self.get(url, now).await {
            Ok(answer) if answer.status == 200 => {
                let numbers = answer.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
                numbers.ok_or_else(|| Found::Failed(answer.summary()))
            }
            Ok(answer) => Err(Found::Failed(answer.summary())),
            Err(Failure::NotSent(why) | Failure::Lost(why)) => Err(Found::Failed(why)),
        }
    }

    /// A message waits among the jobs, which are not listed by tag, before it stands among what went out: while any waits, it may be ours.
    async fn by_tag(&self, message: MessageId, now: DateTime<Utc>) -> Result<u64, Found> {
        let mut sent = self.url(&["outgoing"]);
        sent.query_pairs_mut().append_pair("tag", &message.to_string());
        match self.list(&sent, now).await?.first() {
            Some(id) => Ok(*id),
            None if self.list(&self.url(&["jobs"]), now).await?.is_empty() => Err(Found::Absent),
            None => Err(Found::Failed("messages are still waiting to be sent".to_owned())),
        }
    }

    async fn sought(&self, sought: &Sought, now: DateTime<Utc>) -> Found {
        let named = sought.provider_id.as_deref().and_then(|id| id.parse().ok());
        let id = match named {
            Some(id) => id,
            None => match self.by_tag(sought.message_id, now).await {
                Ok(id) => id,
                Err(found) => return found,
            },
        };
        let id = id.to_string();
        let read = |json: &Value| looked_up(json, sought.message_id);
        match found(self.get(&self.url(&["outgoing", &id]), now).await, read) {
            Found::Absent => found(self.get(&self.url(&["jobs", &id]), now).await, read),
            known => known,
        }
    }

    /// The credit left, and whether the sender may be used.
    async fn state(&self, now: DateTime<Utc>) -> Probe {
        let credit = |json: &Value| Some(format!("{} credits left", json.get("creditsLeft")?));
        let account = probed(self.get(&self.account_url, now).await, credit);
        let (Probe::Fine { detail }, Some(sender)) = (&account, &self.from) else { return account };
        let state = |json: &Value| json.get("status")?.as_str().map(str::to_owned);
        match probed(self.get(&self.url(&["senders", sender]), now).await, state) {
            Probe::Fine { detail: Some(state) } if state != "enable" => Probe::Refused(format!("the sender's state is {state}")),
            Probe::Fine { .. } => Probe::Fine { detail: detail.clone() },
            other => other,
        }
    }
}

/// How OVHcloud signs a call: the secret first, then what is called, then when.
fn signature(secret: &str, consumer: &str, method: &str, url: &str, body: &str, time: &str) -> String {
    let text = [secret, consumer, method, url, body, time].join("+");
    format!("$1${}", HEXLOWER.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref()))
}

fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let first = |name: &str| json.get(name).and_then(Value::as_array).and_then(|all| all.first());
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    match (answer.status, first("ids").and_then(Value::as_u64), first("invalidReceivers")) {
        (200..=299, Some(id), _) => Outcome::accepted(Some(id.to_string())),
        // Malformed, or on the account's list of those who said STOP: OVHcloud does not say which.
        (200..=299, None, Some(_)) => {
            Outcome::Rejected { code: "invalid_receiver".to_owned(), reason: answer.summary(), permanent: true, suppress: None }
        }
        (429, ..) => Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after },
        (408, ..) => Outcome::unknown(answer.summary()),
        (status @ 300..=499, ..) => Outcome::Rejected {
            code: text("errorCode").or(text("class")).map_or_else(|| status.to_string(), excerpt),
            reason: text("message").map_or_else(|| answer.summary(), excerpt),
            // The parameter at fault stands in brackets. Signatures, clocks and senders are refused with 400 too.
            permanent: status == 400 && text("message").is_some_and(|said| said.contains("[receivers]") || said.contains("[message]")),
            suppress: None,
        },
        _ => Outcome::unknown(answer.summary()),
    }
}

/// What OVHcloud says in two numbers: the operator's code (`ptt`), of which not all are published, and the report's own.
const fn status(ptt: Option<u64>, report: Option<u64>) -> Option<DeliveryStatus> {
    Some(match (ptt, report) {
        (Some(1 | 2), _) => DeliveryStatus::Deferred,
        // 6: nobody will ever know.
        (Some(3 | 6), _) => DeliveryStatus::Sent,
        (Some(4), _) => DeliveryStatus::Delivered,
        (Some(5 | 8 | 20 | 21 | 23..=29 | 33 | 39 | 73 | 74 | 76 | 202), _) => DeliveryStatus::Undelivered,
        (_, Some(0)) => DeliveryStatus::Accepted,
        (_, Some(1)) => DeliveryStatus::Delivered,
        (_, Some(2)) => DeliveryStatus::Undelivered,
        (_, Some(4 | 8)) => DeliveryStatus::Deferred,
        (_, Some(16)) => DeliveryStatus::Failed,
        _ => return None,
    })
}

fn report(about: About, id: u64, ptt: Option<u64>, receipt: Option<u64>, at: Option<DateTime<Utc>>) -> Option<Report> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let (status, ptt, receipt) = (status(ptt, receipt)?, number(ptt), number(receipt));
    let dedupe = format!("{id}:{ptt}:{receipt}");
    Some(Report { about, status, at, dedupe, raw_name: format!("{receipt}/{ptt}"), detail: Some(format!("receipt {receipt}, ptt {ptt}")) })
}

/// What OVHcloud shows of a message, sent or waiting, when it is asked.
fn looked_up(json: &Value, message: MessageId) -> Option<(String, Vec<Report>)> {
    let number = |name: &str| json.get(name).and_then(Value::as_u64);
    let time = |name: &&str| json.get(*name).and_then(Value::as_str).and_then(moment);
    let id = number("id")?;
    let at = ["deliveredAt", "sentAt", "creationDatetime"].iter().find_map(time);
    let report = report(About::Message(message), id, number("ptt"), number("deliveryReceipt"), at);
    Some((id.to_string(), report.into_iter().collect()))
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Sms],
    idempotency: Idempotency::None,
    lookup: true,
    signature: ReceiptSignature::SecretPath,
    grade: EvidenceGrade::Handset,
};

impl Provider for Ovhcloud {
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

    /// Nothing is signed: whoever knows the path is OVHcloud.
    fn verify<'a>(&'a self, _: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        ready(Ok(())).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        let query = inbound.url.split_once('?').map_or("", |(_, query)| query);
        let fields: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok());
        let id = number("id").ok_or_else(|| Unreadable("id is missing".to_owned()))?;
        // Its `date` has no offset, and nobody says whose time it is.
        let at = fields.get("date").and_then(|text| moment(text));
        // OVHcloud's guide calls it `description`; programs that receive it read `dlr`.
        let receipt = number("description").or_else(|| number("dlr"));
        let report = report(About::ProviderId(id.to_string()), id, number("ptt"), receipt, at);
        report.map(|report| vec![report]).ok_or_else(|| Unreadable("neither ptt nor description is known".to_owned()))
    }

    fn answer(&self) -> u16 {
        200
    }

    fn look_up<'a>(&'a self, sought: &'a Sought, now: DateTime<Utc>) -> BoxFuture<'a, Found> {
        self.sought(sought, now).boxed()
    }

    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        self.state(now).boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
