//! What Amazon's services have in common: their regions, the key of an account, signed calls, and how they word a refusal.
//!
//! Not here: what a service is asked, and which of its refusals speak against a message. Invariant: only what Amazon documents as turned away before it was looked at,
//! throttling, counts as never processed.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use crate::{
    domain::{delivery::SuppressionReason, ids::Mode, invalid::Faults},
    outbound::{
        Outcome, Probe,
        address::Forbidden,
        excerpt,
        net::{Answer, Failure, Method, Net},
        settings::{Secret, check_url},
        sigv4::{self, Request, Signer},
    },
};

crate::words! {
    /// The regions in which Amazon sends messages.
    pub enum AwsRegion {
        /// Cape Town.
        AfSouth1 = "af-south-1",
        /// Taipei.
        ApEast2 = "ap-east-2",
        /// Tokyo.
        ApNortheast1 = "ap-northeast-1",
        /// Seoul.
        ApNortheast2 = "ap-northeast-2",
        /// Osaka.
        ApNortheast3 = "ap-northeast-3",
        /// Mumbai.
        ApSouth1 = "ap-south-1",
        /// Hyderabad.
        ApSouth2 = "ap-south-2",
        /// Singapore.
        ApSoutheast1 = "ap-southeast-1",
        /// Sydney.
        ApSoutheast2 = "ap-southeast-2",
        /// Jakarta.
        ApSoutheast3 = "ap-southeast-3",
        /// Melbourne.
        ApSoutheast4 = "ap-southeast-4",
        /// Malaysia.
        ApSoutheast5 = "ap-southeast-5",
        /// New Zealand.
        ApSoutheast6 = "ap-southeast-6",
        /// Central Canada.
        CaCentral1 = "ca-central-1",
        /// Calgary.
        CaWest1 = "ca-west-1",
        /// Frankfurt.
        EuCentral1 = "eu-central-1",
        /// Zurich.
        EuCentral2 = "eu-central-2",
        /// Stockholm.
        EuNorth1 = "eu-north-1",
        /// Milan.
        EuSouth1 = "eu-south-1",
        /// Spain.
        EuSouth2 = "eu-south-2",
        /// Ireland.
        EuWest1 = "eu-west-1",
        /// London.
        EuWest2 = "eu-west-2",
        /// Paris.
        EuWest3 = "eu-west-3",
        /// Tel Aviv.
        IlCentral1 = "il-central-1",
        /// United Arab Emirates.
        MeCentral1 = "me-central-1",
        /// Bahrain.
        MeSouth1 = "me-south-1",
        /// Mexico.
        MxCentral1 = "mx-central-1",
        /// São Paulo.
        SaEast1 = "sa-east-1",
        /// North Virginia.
        UsEast1 = "us-east-1",
        /// Ohio.
        UsEast2 = "us-east-2",
        /// The eastern region of the United States government.
        UsGovEast1 = "us-gov-east-1",
        /// The western region of the United States government.
        UsGovWest1 = "us-gov-west-1",
        /// North California.
        UsWest1 = "us-west-1",
        /// Oregon.
        UsWest2 = "us-west-2",
    }
}

/// The access key of an Amazon account's user, who may do no more than send.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The access key's id. Never shown again.
    #[schema(pattern = "^[A-Z0-9]{16,128}$", min_length = 16, max_length = 128, write_only, example = "AKIAIOSFODNN7EXAMPLE")]
    pub access_key_id: String,
    /// The secret access key. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")]
    pub secret_access_key: Secret,
}

/// One service of Amazon's, called with one key.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    region: AwsRegion,
    base: String,
    key_id: String,
    secret: Secret,
    net: Net,
}

/// A refusal in a service's words.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// The error's bare name, such as `MessageRejected`; empty when none was given.
    pub name: &'a str,
    /// Its explanation.
    pub message: &'a str,
    /// What else was said.
    pub body: &'a Value,
}

/// Whether a refusal speaks against the message, and why its address must not be used again.
pub type Verdict = (bool, Option<SuppressionReason>);

impl Service {
    /// The service whose signing name is `name`, at `https://{prefix}.{region}.amazonaws.com` unless `api_base` says otherwise. What is wrong goes into `faults`.
    pub fn open(
        (name, prefix): (&'static str, &str),
        region: AwsRegion,
        api_base: Option<&str>,
        credentials: &Credentials,
        net: &Net,
        faults: &mut Faults,
    ) -> Self {
        let usual = format!("https://{prefix}.{region}.amazonaws.com");
        let base = api_base.unwrap_or(&usual).trim_end_matches('/').to_owned();
        check_url(faults, net, "/settings/api_base", &base);
        let key_id = credentials.access_key_id.clone();
        if key_id.is_empty() || !key_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            faults.add("/credentials/access_key_id", "invalid", "write the access key's id: capital letters and digits");
        }
        Self { name, region, base, key_id, secret: credentials.secret_access_key.clone(), net: net.clone() }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        now: DateTime<Utc>,
    ) -> Result<Signed, Forbidden> {
        let url = format!("{}{path}", self.base);
        let parsed = Url::parse(&url).map_err(|_| Forbidden::NotHttp)?;
        let host = parsed.host_str().ok_or(Forbidden::NotHttp)?;
        let host = parsed.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let signer = Signer { key_id: &self.key_id, secret: self.secret.reveal(), region: self.region.as_str(), service: self.name };
        let request = Request { method: method.as_str(), host: &host, path: parsed.path(), headers, body: &body };
        let proof = sigv4::sign(signer, request, now);
        let mut request = self.net.request(method, Mode::Live, &url)?;
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in proof {
            request = request.header(name, value);
        }
        Ok(request.body(body))
    }

    /// Hands a message over by a POST of JSON; `judge` weighs a refusal.
    pub async fn hand_over(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
        now: DateTime<Utc>,
        judge: fn(&Refusal<'_>) -> Verdict,
    ) -> Outcome {
        match self.request(Method::POST, path, headers, body.to_string().into_bytes(), now) {
            Ok(request) => self.net.hand_over(request, now, |answer| outcome(answer, judge)).await,
            Err(why) => Outcome::not_sent(why.to_string()),
        }
    }

    /// Asks something that changes nothing, and whether the answer shows an account in order. A key that may do no more than send is a good key.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
        now: DateTime<Utc>,
        fine: fn(&Value) -> Probe,
    ) -> Probe {
        let called = match self.request(method, path, headers, body.as_bytes().to_vec(), now) {
            Ok(request) => self.net.call(request, now).await,
            Err(why) => Err(Failure::NotSent(why.to_string())),
        };
        let answer = match called {
            Ok(answer) => answer,
            Err(why) => return Probe::Unreachable(why.to_string()),
        };
        let json = answer.json().unwrap_or_default();
        let refusal = refusal(&answer, &json);
        match answer.status {
            200..=299 if json.is_object() => fine(&json),
            400..=499 if is_throttled(&answer, refusal.name) => Probe::Unreachable(answer.summary()),
            400..=499 if refusal.name == "AccessDeniedException" && refusal.body.get("Reason").is_none() => {
                Probe::Fine { detail: Some("the key is known; it may not read the account's state".to_owned()) }
            }
            300..=499 => Probe::Refused(answer.summary()),
            _ => Probe::Unreachable(answer.summary()),
        }
    }
}

/// A signed request, ready to be called.
type Signed = reqwest::RequestBuilder;

/// The error's name stands in a header or in the body, after a namespace and before a URL.
fn refusal<'a>(answer: &'a Answer, json: &'a Value) -> Refusal<'a> {
    let text = |names: [&str; 2]| names.into_iter().find_map(|name| json.get(name)?.as_str());
    let long = answer.header("x-amzn-errortype").or_else(|| text(["__type", "code"])).unwrap_or_default();
    let bare = long.rsplit('#').next().unwrap_or_default();
    let name = bare.split(':').next().unwrap_or_default();
    Refusal { name, message: text(["message", "Message"]).unwrap_or_default(), body: json }
}

/// Turned away unread, for haste.
fn is_throttled(answer: &Answer, name: &str) -> bool {
    answer.status == 429 || matches!(name, "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded")
}

fn outcome(answer: &Answer, judge: fn(&Refusal<'_>) -> Verdict) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let refusal = refusal(answer, &json);
    match answer.status {
        200..=299 => match json.get("MessageId").and_then(Value::as_str).filter(|id| !id.is_empty()) {
            Some(id) => Outcome::accepted(Some(excerpt(id))),
            None => Outcome::unknown(format!("no MessageId in {}", answer.summary())),
        },
        400..=499 if is_throttled(answer, refusal.name) => Outcome::NotSent { reason: answer.summary(), retry_after: answer.retry_after },
        408 => Outcome::unknown(answer.summary()),
        status @ 300..=499 => {
            let (permanent, suppress) = if status == 413 { (true, None) } else { judge(&refusal) };
            let code = if refusal.name.is_empty() { status.to_string() } else { excerpt(refusal.name) };
            let reason = if refusal.message.is_empty() { answer.summary() } else { excerpt(refusal.message) };
            Outcome::Rejected { code, reason, permanent, suppress }
        }
        _ => Outcome::unknown(answer.summary()),
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests {
    use super::*;

    /// The key of these tests.
    pub fn key() -> Credentials {
        Credentials { access_key_id: "AKIAOWNFIXTURE00".to_owned(), secret_access_key: Secret::new("own/secret") }
    }

    #[test]
    fn an_errors_name_is_found_bare_wherever_it_stands() {
        let named = |header: Option<&str>, body: &str| {
            let mut headers = reqwest::header::HeaderMap::new();
            if let Some(header) = header {
                headers.insert("x-amzn-errortype", header.parse().unwrap());
            }
            let answer = Answer { status: 400, retry_after: None, headers, body: Some(body.as_bytes().to_vec()) };
            let json = answer.json().unwrap_or_default();
            refusal(&answer, &json).name.to_owned()
        };
        assert_eq!(named(Some("MessageRejected:http://internal.amazon.com/coral/"), "{}"), "MessageRejected");
        assert_eq!(named(None, r#"{"__type":"com.amazonaws.pinpointsmsvoicev2#ConflictException"}"#), "ConflictException");
        assert_eq!(named(None, r#"{"code":"Throttling"}"#), "Throttling");
        assert_eq!((named(None, "<html>"), named(None, "[]")), (String::new(), String::new()));
    }
}
