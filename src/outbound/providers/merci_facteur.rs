//! Merci Facteur: letters on paper, simple, tracked or registered, posted in France, and its webhooks.
//!
//! A token is asked for with a signature of the time, kept for the day that it is good, and shared by all that send. Our id goes along as `antidoublon`, by which Merci
//! Facteur refuses the same letter for thirty days: told that it has the letter already, we know that it was taken. It also is the letter's reference, and returns with
//! the webhooks: an id has exactly the thirty characters that a reference may have.
//!
//! Merci Facteur signs no webhook; a secret header shows that it is the caller.

use std::net::Ipv4Addr;

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::{BASE64, HEXLOWER};
use futures_util::future::{BoxFuture, FutureExt, ready};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use utoipa::openapi::{
    KnownFormat, ObjectBuilder, SchemaFormat, Type,
    schema::{Array, ArrayBuilder},
};

use super::{
    mailing::{detail, probed, rejected, text, word},
    posting::{Room, Token, no_token, unfit, unprobed},
};
use crate::{
    domain::{
        contact::Channel,
        crypto::same,
        delivery::{EvidenceGrade, PostalService},
        ids::Mode,
        invalid::Faults,
        provider::ReceiptSignature,
    },
    outbound::{
        Capabilities, Content, Envelope, Idempotency, Inbound, Letter, Outcome, Postal, Probe, Proof, Provider, Report, Unreadable,
        Unverified, excerpt,
        net::{Answer, Failure, MAX_ANSWER_BYTES, Method, Net},
        settings::{Secret, check_url, needed},
    },
};

mod countries;
mod reports;

/// The header that shows who calls.
const SECRET: &str = "x-mf-webhook-secret-key";
/// What stands for the addresses that may call where Merci Facteur has lifted that restriction.
const ANYWHERE: &str = "111.111.111";
/// The largest file that it prints, in bytes.
const MOST: usize = 50_000_000;
/// How long before its end a token is given up.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// What it prints of an address.
const ROOM: Room = Room { name: 90, attention: 70, line: 90, lines: 3, postal_code: 12, city: 70 };

/// How to make receipts arrive.
pub const STEPS: &[&str] = &[
    "In Merci Facteur Pro, open the API tab and write {url} as the address for webhooks.",
    "Switch every event on.",
    "Copy the service ID into this account's settings, and the secret key and the webhook secret key into its credentials.",
    "Under Utilisateurs, copy the number of the user who sends into this account's settings as user_id.",
    "Ask the support to lift the restriction to known IP addresses, or list Relance's addresses as authorized_ips.",
];

/// The schema of a list of IPv4 addresses.
fn addresses() -> Array {
    let address = ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Ipv4)));
    let about = "The addresses that Relance calls from; none when Merci Facteur has lifted the restriction.";
    ArrayBuilder::new().items(address).max_items(Some(20)).description(Some(about)).examples([json!(["192.0.2.10"])]).build()
}

/// How the receipt that the recipient of a registered letter signs comes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnReceipt {
    /// To Merci Facteur, who scans it and sends the scan by webhook.
    #[default]
    Scanned,
    /// On paper, to the sender. No proof of it ever reaches Relance.
    Paper,
}

/// A Merci Facteur Pro account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The service ID.
    #[schema(pattern = "^[A-Za-z0-9_-]+$", min_length = 1, max_length = 100, example = "a1b2c3d4e5")]
    pub service_id: String,
    /// The number of the user in whose name letters are sent.
    #[schema(minimum = 1, maximum = 2_147_483_647, example = 17460)]
    pub user_id: u32,
    /// How signed receipts of registered letters come back.
    #[serde(default)]
    pub return_receipt: ReturnReceipt,
    /// Whether simple and tracked letters that cannot be delivered return to Merci Facteur, who then says so; otherwise they return to the sender.
    #[serde(default)]
    pub report_returns: bool,
    /// The addresses that Relance calls from; none when Merci Facteur has lifted the restriction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(schema_with = addresses)]
    pub authorized_ips: Vec<Ipv4Addr>,
    /// Where Merci Facteur's interface is found, when it is not its usual place.
    #[serde(default = "merci_facteur_api")]
    #[schema(format = "uri", min_length = 8, max_length = 200, example = "https://www.merci-facteur.com/api/1.2/prod/service")]
    pub api_base: String,
}

fn merci_facteur_api() -> String {
    "https://www.merci-facteur.com/api/1.2/prod/service".to_owned()
}

/// The keys of a Merci Facteur Pro account.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The secret key. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub secret_key: Secret,
    /// The webhook secret key; no webhook is believed without it. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 8, max_length = 200, example = "secret-webhook-0123456789abcdef")]
    pub webhook_secret: Secret,
}

/// A Merci Facteur Pro account.
#[derive(Debug)]
pub struct MerciFacteur {
    settings: Settings,
    base: String,
    key: hmac::Key,
    webhook_secret: Secret,
    token: Token,
    net: Net,
}

impl MerciFacteur {
    /// The adapter of one account.
    ///
    /// # Errors
    /// An interface that is not called, an empty webhook secret, a service ID that is none.
    pub fn open(settings: &Settings, credentials: Option<&Credentials>, net: &Net) -> Result<Self, Faults> {
        let credentials = needed(credentials)?;
        let mut faults = Faults::none();
        let base = settings.api_base.trim_end_matches('/').to_owned();
        check_url(&mut faults, net, "/settings/api_base", &base);
        let plain = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !plain(&settings.service_id) {
            faults.add("/settings/service_id", "invalid", "copy the service ID from the API tab");
        }
        if credentials.webhook_secret.reveal().is_empty() {
            faults.add("/credentials/webhook_secret", "required", "copy the webhook secret key from the API tab");
        }
        faults.or(Self {
            settings: settings.clone(),
            base,
            key: hmac::Key::new(hmac::HMAC_SHA256, credentials.secret_key.reveal().as_bytes()),
            webhook_secret: credentials.webhook_secret.clone(),
            token: Token::default(),
            net: net.clone(),
        })
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let request =
            self.net.request(method, Mode::Live, &format!("{}{path}", self.base)).map_err(|why| Failure::NotSent(why.to_string()))?;
        Ok(request.header("ww-service-id", &self.settings.service_id))
    }

    /// A token, with its end.
    async fn sign_in(&self, now: DateTime<Utc>) -> Result<(Secret, DateTime<Utc>), Outcome> {
        let time = now.timestamp().to_string();
        let signature = hmac::sign(&self.key, format!("{}{time}", self.settings.service_id).as_bytes());
        let ips: Vec<String> = self.settings.authorized_ips.iter().map(Ipv4Addr::to_string).collect();
        let ips = if ips.is_empty() { ANYWHERE.to_owned() } else { ips.join(";") };
        let answer = match self.request(Method::GET, "/getToken") {
            Ok(request) => {
                let request = request.header("ww-service-signature", HEXLOWER.encode(signature.as_ref()));
                self.net.call(request.header("ww-timestamp", time).header("ww-authorized-ip", ips), now).await
            }
            Err(why) => Err(why),
        };
        let json = answer.as_ref().ok().and_then(Answer::json).unwrap_or_default();
        match (&answer, text(&json, "/token")) {
            (Ok(Answer { status: 200..=299, .. }), Some(token)) => {
                let end = word(&json, "/expire").and_then(|end| DateTime::from_timestamp(end.parse().ok()?, 0));
                Ok((Secret::new(token), end.map_or_else(|| now + TimeDelta::hours(1), |end| end - MARGIN)))
            }
            // It says with 200 that the credentials are wrong, too.
            (Ok(answer), None) if json.get("success") == Some(&Value::Bool(false)) && answer.status < 500 && answer.status != 429 => {
                let (code, reason) = error(&json, answer);
                Err(rejected(code, &reason, false, None))
            }
            _ => Err(no_token(&answer)),
        }
    }

    async fn call(
        &self,
        request: impl Fn() -> Result<RequestBuilder, Failure>,
        now: DateTime<Utc>,
    ) -> Result<Result<Answer, Failure>, Outcome> {
        let with = |token: &Secret| Ok(request()?.header("ww-access-token", token.reveal()));
        self.token.call((&self.net, MAX_ANSWER_BYTES), now, || self.sign_in(now), with).await
    }

    async fn post(&self, envelope: &Envelope, letter: &Letter, now: DateTime<Utc>) -> Outcome {
        let form = match self.form(envelope, letter) {
            Ok(form) => form,
            Err(refusal) => return refusal,
        };
        match self.call(|| Ok(self.request(Method::POST, "/sendCourrier")?.form(&form)), now).await {
            Ok(Ok(answer)) => outcome(&answer),
            Ok(Err(Failure::NotSent(why))) => Outcome::not_sent(why),
            Ok(Err(Failure::Lost(why))) => Outcome::unknown(why),
            Err(outcome) => outcome,
        }
    }

    fn form(&self, envelope: &Envelope, letter: &Letter) -> Result<Vec<(&'static str, String)>, Outcome> {
        if letter.pdf.len() > MOST {
            return Err(unfit("the letter has more than 50 megabytes"));
        }
        let service = match (letter.service, self.settings.return_receipt) {
            (PostalService::Simple, _) => "normal",
            (PostalService::Tracked, _) => "suivi",
            (PostalService::Registered, ReturnReceipt::Scanned) => "lrare",
            (PostalService::Registered, ReturnReceipt::Paper) => "lrar",
        };
        let id = envelope.message_id.to_string();
        let addresses = json!({ "exp": address("sender", &letter.from, "")?, "dest": [address("recipient", &letter.to, &id)?] });
        // What is left out is an empty text: an empty list would be refused.
        let content = json!({ "letter": { "files": "", "base64files": [BASE64.encode(&letter.pdf)] }, "photo": "", "card": "" });
        let mut form = vec![
            ("idUser", self.settings.user_id.to_string()),
            ("modeEnvoi", service.to_owned()),
            ("adress", addresses.to_string()),
            ("content", content.to_string()),
            ("antidoublon", id),
        ];
        if self.settings.report_returns && letter.service != PostalService::Registered {
            form.push(("gestionNpai", "1".to_owned()));
        }
        Ok(form)
    }
}

/// Every field stands there, used or not: an address without one is refused.
fn address(whose: &str, address: &Postal, reference: &str) -> Result<Value, Outcome> {
    ROOM.takes(whose, address)?;
    let Some(country) = countries::name(address.country) else {
        return Err(unfit(&format!("Merci Facteur has no name for the country {} of the {whose}", address.country)));
    };
    if address.postal_code.as_str().trim().is_empty() {
        return Err(unfit(&format!("the {whose} has no postal code")));
    }
    let line = |n: usize| address.lines.get(n).map_or("", |line| line.as_str());
    Ok(json!({
        "civilite": "", "nom": address.attention.as_ref().map_or("", |line| line.as_str()), "prenom": "", "societe": address.name,
        "adresse1": line(0), "adresse2": line(1), "adresse3": line(2),
        "cp": address.postal_code, "ville": address.city, "pays": country, "reference": reference,
    }))
}

/// The code and the words of an error, which stands there as an object or as the code alone.
fn error(json: &Value, answer: &Answer) -> (String, String) {
    let code = word(json, "/error/code").or_else(|| word(json, "/error")).unwrap_or_else(|| answer.status.to_string());
    let reason = text(json, "/error/text").map_or_else(|| answer.summary(), excerpt);
    (code, reason)
}

/// Parts of the codes that speak of the letter, and of those that speak of the account.
const OF_LETTER: &[&str] = &["ADDRESS", "ADRESS", "LETTER", "CONTENT", "FILE", "FILES", "PDF", "COUNTRY", "PAYS", "REFERENCE", "DEST"];
const OF_ACCOUNT: &[&str] = &["TOKEN", "SIGNATURE", "SERVICE", "IP", "USER", "CREDIT", "QUOTA", "SOLDE", "PLAN", "PAYMENT", "AUTHORIZED"];

/// A refusal whose code says neither leaves it open whether it means that the letter is there already: then the letter waits, and is given again under its key.
fn outcome(answer: &Answer) -> Outcome {
    let json = answer.json().unwrap_or_default();
    let (code, reason) = error(&json, answer);
    let refused = json.get("success") == Some(&Value::Bool(false));
    let code_has =
        |parts: &[&str]| code.to_ascii_uppercase().split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| parts.contains(&part));
    match answer.status {
        200..=299 if json.get("success") == Some(&Value::Bool(true)) => {
            Outcome::accepted(word(&json, "/envoi_id").or_else(|| word(&json, "/envoi_id/0")))
        }
        429 => Outcome::NotSent { reason, retry_after: answer.retry_after },
        401 | 403 => rejected(code, &reason, false, None),
        200..=499 if refused && taken_before(&code, &reason) => Outcome::accepted(None),
        413 => rejected(code, &reason, true, None),
        200..=499 if refused && code_has(OF_LETTER) => rejected(code, &reason, true, None),
        200..=499 if refused && code_has(OF_ACCOUNT) => rejected(code, &reason, false, None),
        300..=499 if !refused && answer.status != 408 => rejected(code, &reason, false, None),
        _ => Outcome::unknown(reason),
    }
}

/// Whether the letter is refused because it was taken under this key before.
fn taken_before(code: &str, reason: &str) -> bool {
    let said = format!("{code} {reason}").to_lowercase();
    ["doublon", "duplicate", "already_sent"].iter().any(|word| said.contains(word))
}

/// What it can carry and prove, whoever the account's owner is.
pub const CAPABILITIES: Capabilities = Capabilities {
    channels: &[Channel::Letter],
    idempotency: Idempotency::Key(TimeDelta::days(30)),
    lookup: false,
    signature: ReceiptSignature::SecretHeader,
    grade: EvidenceGrade::SignedReceipt,
};

impl Provider for MerciFacteur {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn send<'a>(&'a self, envelope: &'a Envelope, now: DateTime<Utc>) -> BoxFuture<'a, Outcome> {
        async move {
            match &envelope.content {
                Content::Letter(letter) => self.post(envelope, letter, now).await,
                _ => Outcome::wrong_channel(envelope.channel()),
            }
        }
        .boxed()
    }

    /// Nothing is signed, not even a time: a replay is recognised by its [`Report::dedupe`].
    fn verify<'a>(&'a self, inbound: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<(), Unverified>> {
        let shown = inbound.header(SECRET).and_then(|shown| match same(shown.as_bytes(), self.webhook_secret.reveal().as_bytes()) {
            true => Ok(()),
            false => Err(Unverified::Mismatch),
        });
        ready(shown).boxed()
    }

    fn parse(&self, inbound: &Inbound) -> Result<Vec<Report>, Unreadable> {
        reports::reports(&inbound.body)
    }

    /// The documents come with the webhook that announces them.
    fn proofs<'a>(&'a self, inbound: &'a Inbound, _: DateTime<Utc>) -> BoxFuture<'a, Result<Vec<Proof>, String>> {
        ready(reports::proofs(&inbound.body)).boxed()
    }

    /// Merci Facteur takes 200 and nothing else for taken, and tries three times.
    fn answer(&self) -> u16 {
        200
    }

    /// Asks for the credit left.
    fn probe(&self, now: DateTime<Utc>) -> BoxFuture<'_, Probe> {
        async move {
            let answer = match self.call(|| self.request(Method::GET, "/getQuotaCompte"), now).await {
                Ok(answer) => answer.map_err(|why| why.to_string()),
                Err(outcome) => return unprobed(&outcome),
            };
            probed(&answer, |json| match json.get("success") {
                Some(Value::Bool(true)) => {
                    let credit = [word(json, "/quotas/credit/amount"), word(json, "/quotas/credit/devise")];
                    Probe::Fine {
                        detail: credit.into_iter().collect::<Option<Vec<_>>>().map(|parts| format!("credit {}", parts.join(" "))),
                    }
                }
                _ => Probe::Refused(
                    detail(&[text(json, "/error/code").or_else(|| text(json, "/error")), text(json, "/error/text")]).unwrap_or_default(),
                ),
            })
        }
        .boxed()
    }
}

#[cfg(test)]
pub(in crate::outbound) mod tests;
