//! Receipts through Amazon SNS: messages of one topic, signed by SNS with a certificate of its own.
//!
//! Any Amazon account can have SNS sign a message, so a signature alone proves nothing: the topic is pinned. No URL that a message names is called as it stands.
//! The certificate is fetched from the SNS of the topic's own region, and a subscription is confirmed by a call made of the pinned topic and the token, never by the
//! `SubscribeURL`. Not here: what a message says.
//!
//! Invariant: [`Topic::verify`] says yes only to what SNS signed, for this topic, within the last hour.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey};
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::BASE64;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use url::{Url, form_urlencoded};
use webpki::{EndEntityCert, KeyUsage};

use crate::{
    domain::{ids::Mode, invalid::Faults},
    outbound::{
        Inbound, Unreadable, Unverified, excerpt,
        net::{Method, Net},
    },
};

/// How long after signing a message may still come. SNS signs once and repeats the same bytes for at most 3,600 seconds, a limit that no account can raise; the rest
/// is for clocks. A copy that comes within it is recognised by its `dedupe`.
const OLDEST: TimeDelta = TimeDelta::minutes(65);
/// How far ahead of ours the clock of SNS may be.
const AHEAD: TimeDelta = TimeDelta::minutes(5);
/// A region has one certificate at a time; there is room for its successor, and for a mistake.
const MAX_CERTIFICATES: usize = 4;

const BODY: &str = "SNS message";
const CERTIFICATE: &str = "certificate of SNS";

/// One topic, whose messages are believed.
#[derive(Debug)]
pub struct Topic {
    arn: String,
    region: String,
    /// Where the topic's own SNS is.
    origin: String,
    net: Net,
    /// Certificates by their file name; each was good when it came, and is judged again whenever it is used.
    certificates: Mutex<HashMap<String, CertificateDer<'static>>>,
}

/// A message's envelope, as SNS posts it.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    subject: Option<String>,
    timestamp: String,
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
}

/// What was published to the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The text, which Amazon's services write as JSON.
    pub text: String,
    /// When it was published.
    pub at: DateTime<Utc>,
}

/// The region that a topic's name speaks of; none for what names no topic in Amazon's public or US government regions.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let known = arn == "arn" && matches!(partition, "aws" | "aws-us-gov") && service == "sns";
    let named = (1..=256).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let owned = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    (known && named && owned && is_region(region)).then_some(region)
}

fn is_region(text: &str) -> bool {
    text.len() >= 3 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The file that a message's certificate is found under, if its URL is one of SNS.
fn certificate_name(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.strip_prefix("sns.")?;
    let region = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let bare = url.scheme() == "https"
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let name = url.path().strip_prefix('/')?;
    let stem = name.strip_suffix(".pem")?;
    let plain = !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (bare && is_region(region) && plain).then(|| name.to_owned())
}

impl Topic {
    /// The topic of this name.
    ///
    /// # Errors
    /// A name that no topic has.
    pub fn new(arn: &str, net: &Net) -> Result<Self, Faults> {
        let fault = || Faults::one("/settings/topic_arn", "invalid", "write the topic's ARN: arn:aws:sns:{region}:{account}:{name}");
        let region = region_of(arn).ok_or_else(fault)?.to_owned();
        let origin = format!("https://sns.{region}.amazonaws.com");
        Ok(Self { arn: arn.to_owned(), region, origin, net: net.clone(), certificates: Mutex::default() })
    }

    /// Whether the topic's SNS sent this. A request to confirm a subscription is answered on the way.
    ///
    /// # Errors
    /// [`Unverified`]; [`Unverified::Unavailable`] when SNS itself could not be asked, so that it must send again.
    pub async fn verify(&self, inbound: &Inbound, now: DateTime<Utc>) -> Result<(), Unverified> {
        let message = read(inbound).map_err(|_| Unverified::Malformed(BODY))?;
        if message.topic_arn != self.arn {
            return Err(Unverified::Mismatch);
        }
        let at = published(&message).ok_or(Unverified::Malformed(BODY))?;
        if now - at > OLDEST || at - now > AHEAD {
            return Err(Unverified::Stale);
        }
        let signed = signed_text(&message).ok_or(Unverified::Malformed(BODY))?;
        let signature = BASE64.decode(message.signature.as_bytes()).map_err(|_| Unverified::Malformed(BODY))?;
        let algorithm: &'static RsaParameters = match message.signature_version.as_str() {
            "1" => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            "2" => &RSA_PKCS1_2048_8192_SHA256,
            _ => return Err(Unverified::Malformed(BODY)),
        };
        let certificate = self.certificate(&message.signing_cert_url, now).await?;
        let key = EndEntityCert::try_from(&certificate).map_err(|_| Unverified::Mismatch)?.subject_public_key_info();
        UnparsedPublicKey::new(algorithm, key.as_ref()).verify(signed.as_bytes(), &signature).map_err(|_| Unverified::Mismatch)?;
        match (message.kind.as_str(), &message.token) {
            ("SubscriptionConfirmation", Some(token)) => self.confirm(token, now).await,
            _ => Ok(()),
        }
    }

    /// The certificate behind the URL, fetched if it is not known, and good at `now`.
    async fn certificate(&self, url: &str, now: DateTime<Utc>) -> Result<CertificateDer<'static>, Unverified> {
        let name = certificate_name(url).ok_or(Unverified::Mismatch)?;
        let known = self.certificates.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        let found = match known {
            Some(known) => known,
            None => {
                let pem = self.get(&format!("/{name}"), now).await.ok_or(Unverified::Unavailable(CERTIFICATE))?;
                CertificateDer::from_pem_slice(&pem).map_err(|_| Unverified::Unavailable(CERTIFICATE))?
            }
        };
        self.judge(&found, now)?;
        let mut certificates = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        if certificates.len() >= MAX_CERTIFICATES && !certificates.contains_key(&name) {
            certificates.clear();
        }
        certificates.insert(name, found.clone());
        Ok(found)
    }

    /// Whether the certificate is one of SNS, and valid at `now`.
    ///
    /// Its chain is not followed: SNS publishes the certificate without its issuers, at a place whose own chain was followed when it was fetched from there. The
    /// verifier looks at dates and extensions before it looks for an issuer; not to find one, given none, is the last of its objections and the only one that passes.
    fn judge(&self, certificate: &CertificateDer<'_>, now: DateTime<Utc>) -> Result<(), Unverified> {
        let certificate = EndEntityCert::try_from(certificate).map_err(|_| Unverified::Mismatch)?;
        let seconds = u64::try_from(now.timestamp()).map_err(|_| Unverified::Stale)?;
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        match certificate.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &[], &[], time, KeyUsage::server_auth(), None, None) {
            Ok(_) | Err(webpki::Error::UnknownIssuer) => {}
            Err(_) => return Err(Unverified::Mismatch),
        }
        let of = |name: &str| ServerName::try_from(name).is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok());
        if of("sns.amazonaws.com") || of(&format!("sns.{}.amazonaws.com", self.region)) { Ok(()) } else { Err(Unverified::Mismatch) }
    }

    /// Says yes to the subscription of our own endpoint to the pinned topic.
    async fn confirm(&self, token: &str, now: DateTime<Utc>) -> Result<(), Unverified> {
        let pairs = [("Action", "ConfirmSubscription"), ("TopicArn", &self.arn), ("Token", token)];
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.get(&format!("/?{query}"), now).await.map(drop).ok_or(Unverified::Unavailable("the subscription's confirmation"))
    }

    async fn get(&self, path: &str, now: DateTime<Utc>) -> Option<Vec<u8>> {
        let request = self.net.request(Method::GET, Mode::Live, &format!("{}{path}", self.origin)).ok()?;
        let answer = self.net.call(request, now).await.ok()?;
        answer.body.filter(|_| answer.status == 200)
    }
}

/// What a verified message publishes; nothing when it is about the subscription itself.
///
/// # Errors
/// When it is no message of SNS.
pub fn notification(inbound: &Inbound) -> Result<Option<Notification>, Unreadable> {
    let message = read(inbound)?;
    if message.kind != "Notification" {
        return Ok(None);
    }
    let at = published(&message).ok_or_else(|| Unreadable("its time cannot be read".to_owned()))?;
    Ok(Some(Notification { text: message.message, at }))
}

fn read(inbound: &Inbound) -> Result<Message, Unreadable> {
    serde_json::from_slice(&inbound.body).map_err(|error| Unreadable(excerpt(&error.to_string())))
}

fn published(message: &Message) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(&message.timestamp).ok().map(|at| at.to_utc())
}

/// What SNS signs: certain fields in order, each name and value on a line. None for a type that SNS does not have, or without its fields.
///
/// A value may itself hold line breaks, yet cannot pass for another topic: that and the type come last, and both are compared whole.
fn signed_text(message: &Message) -> Option<String> {
    let mut fields = vec![("Message", message.message.as_str()), ("MessageId", &message.message_id)];
    match message.kind.as_str() {
        "Notification" => {
            fields.extend(message.subject.as_deref().map(|subject| ("Subject", subject)));
            fields.push(("Timestamp", &message.timestamp));
        }
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
            let (url, token) = (message.subscribe_url.as_deref()?, message.token.as_deref()?);
            fields.extend([("SubscribeURL", url), ("Timestamp", &message.timestamp), ("Token", token)]);
        }
        _ => return None,
    }
    fields.extend([("TopicArn", message.topic_arn.as_str()), ("Type", &message.kind)]);
    Some(fields.iter().map(|(name, value)| format!("{name}\n{value}\n")).collect())
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
