//! What a tenant tells about a provider account: the kind, its settings, its credentials.
//!
//! These are request shapes: their schemas are the gate, and what a schema cannot say is checked when the adapter is
//! built. Invariant: nothing here prints a credential.

use std::fmt;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, RefOr, Schema, schema::Type},
};

use crate::{domain::contact::Email, outbound::Line};

crate::words! {
    /// The providers that Relance can send through.
    pub enum ProviderKind {
        /// Any mail server, by SMTP.
        Smtp = "smtp",
        /// A gateway of your own, by signed webhook.
        Webhook = "webhook",
        /// Twilio, for text messages.
        Twilio = "twilio",
        /// A provider of solvency checks, by signed webhook. It carries no messages.
        Solvency = "solvency",
        /// No network at all: the rehearsal's provider.
        Sandbox = "sandbox",
    }
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmtpSecurity {
    /// Begins in clear and must be upgraded before anything is said (usually port 587).
    Starttls,
    /// Encrypted from the first byte (usually port 465).
    Tls,
    /// Not at all; only for installations that allow private networks.
    None,
}

/// A credential: readable by the adapter, invisible in logs.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The credential itself, for the provider's eyes only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A mail server.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
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
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpCredentials {
    /// The user name.
    #[schema(min_length = 1, max_length = 320, example = "accounts@example.com")]
    pub username: String,
    /// The password. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 1000, example = "correct horse battery staple")]
    pub password: Secret,
}

/// A gateway of your own: it receives `message.send` and reports `message.delivered` and the like.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Where messages are posted to. https in live mode, never a private address, never redirected.
    #[schema(format = "uri", min_length = 8, max_length = 2048, example = "https://gateway.example.com/relance")]
    pub url: String,
}

/// The secret shared with a gateway.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCredentials {
    /// Signs both ways, as Standard Webhooks says: `whsec_` and the base64 of 24 to 64 random bytes. Never shown again.
    #[schema(value_type = String, format = Password, write_only, pattern = "^whsec_[A-Za-z0-9+/]{32,88}={0,2}$", max_length = 96,
        example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Secret,
}

/// A Twilio account. Exactly one of `from` and `messaging_service_sid` is given.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TwilioSettings {
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
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TwilioCredentials {
    /// The auth token: it sends, and it verifies receipts. Never shown again.
    #[schema(value_type = String, format = Password, write_only, min_length = 1, max_length = 200, example = "0123456789abcdef0123456789abcdef")]
    pub auth_token: Secret,
}

/// The sandbox has nothing to set.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxSettings {}

/// A provider account's settings, told apart by `kind`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ProviderSettings {
    /// Any mail server.
    Smtp(SmtpSettings),
    /// A gateway of your own.
    Webhook(WebhookSettings),
    /// Twilio.
    Twilio(TwilioSettings),
    /// A provider of solvency checks.
    Solvency(WebhookSettings),
    /// The rehearsal's provider.
    Sandbox(SandboxSettings),
}

impl ProviderSettings {
    /// The kind.
    pub const fn kind(&self) -> ProviderKind {
        match self {
            Self::Smtp(_) => ProviderKind::Smtp,
            Self::Webhook(_) => ProviderKind::Webhook,
            Self::Twilio(_) => ProviderKind::Twilio,
            Self::Solvency(_) => ProviderKind::Solvency,
            Self::Sandbox(_) => ProviderKind::Sandbox,
        }
    }
}

/// A provider account's credentials, told apart by `kind`, which must be that of its settings. The sandbox has none.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credentials {
    /// A mail server's log-in; absent for one that asks for none.
    Smtp(SmtpCredentials),
    /// The secret shared with a gateway.
    Webhook(WebhookCredentials),
    /// A Twilio account's key.
    Twilio(TwilioCredentials),
    /// The secret shared with a provider of solvency checks.
    Solvency(WebhookCredentials),
}

/// The schema of `T` with its `kind` inside: a reference beside it could not forbid unknown fields.
fn tagged<T: PartialSchema>(kind: ProviderKind) -> RefOr<Schema> {
    let mut schema = T::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let tag =
            ObjectBuilder::new().schema_type(Type::String).enum_values(Some([kind.as_str()])).description(Some("Tells the kinds apart."));
        object.properties.insert("kind".to_owned(), tag.into());
        object.required.push("kind".to_owned());
    }
    schema
}

impl PartialSchema for ProviderSettings {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .description(Some("A provider account's settings, told apart by `kind`."))
            .item(tagged::<SmtpSettings>(ProviderKind::Smtp))
            .item(tagged::<WebhookSettings>(ProviderKind::Webhook))
            .item(tagged::<TwilioSettings>(ProviderKind::Twilio))
            .item(tagged::<WebhookSettings>(ProviderKind::Solvency))
            .item(tagged::<SandboxSettings>(ProviderKind::Sandbox))
            .into()
    }
}
impl ToSchema for ProviderSettings {
    fn schemas(components: &mut Vec<(String, RefOr<Schema>)>) {
        components.push((SmtpSecurity::name().into_owned(), SmtpSecurity::schema()));
        components.push((Email::name().into_owned(), Email::schema()));
    }
}

impl PartialSchema for Credentials {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .description(Some("A provider account's credentials, told apart by `kind`. Never shown again."))
            .item(tagged::<SmtpCredentials>(ProviderKind::Smtp))
            .item(tagged::<WebhookCredentials>(ProviderKind::Webhook))
            .item(tagged::<TwilioCredentials>(ProviderKind::Twilio))
            .item(tagged::<WebhookCredentials>(ProviderKind::Solvency))
            .into()
    }
}
impl ToSchema for Credentials {}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn accepts<T: ToSchema>(value: &Value) -> bool {
        let mut components = Vec::new();
        T::schemas(&mut components);
        let mut schema = serde_json::to_value(T::schema()).unwrap();
        schema["components"] = json!({ "schemas": components.into_iter().collect::<std::collections::BTreeMap<_, _>>() });
        jsonschema::validator_for(&schema).unwrap().is_valid(value)
    }

    #[test]
    fn schema_and_reader_agree() {
        let smtp = json!({"kind": "smtp", "host": "mx.example.com", "port": 587, "security": "starttls", "from_email": "a@example.com"});
        let twilio = json!({"kind": "twilio", "account_sid": format!("AC{}", "0".repeat(32)), "from": "Dupont"});
        let good = [
            smtp.clone(),
            json!({"kind": "webhook", "url": "https://example.com/hook"}),
            twilio,
            json!({"kind": "solvency", "url": "https://example.com/ask"}),
            json!({"kind": "sandbox"}),
        ];
        for (value, kind) in good.iter().zip(ProviderKind::ALL) {
            assert!(accepts::<ProviderSettings>(value), "{value}");
            let read: ProviderSettings = serde_json::from_value(value.clone()).unwrap();
            assert_eq!(read.kind(), *kind);
            let again = serde_json::to_value(&read).unwrap();
            assert!(accepts::<ProviderSettings>(&again), "{again}");
        }
        let mut unknown_field = smtp.clone();
        unknown_field["colour"] = json!("red");
        let mut wrong_kind = smtp.clone();
        wrong_kind["kind"] = json!("fax");
        let mut no_port = smtp;
        no_port["port"] = json!(0.5);
        for wrong in [unknown_field, wrong_kind, no_port, json!({"kind": "sandbox", "host": "x"}), json!({})] {
            assert!(!accepts::<ProviderSettings>(&wrong), "{wrong}");
            assert!(serde_json::from_value::<ProviderSettings>(wrong).is_err());
        }
    }

    #[test]
    fn credentials_are_read_and_never_printed() {
        let given = json!({"kind": "smtp", "username": "ann", "password": "hunter2"});
        assert!(accepts::<Credentials>(&given) && !accepts::<Credentials>(&json!({"kind": "sandbox"})));
        let read: Credentials = serde_json::from_value(given).unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        assert!(accepts::<Credentials>(&json!({"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})));
        assert!(!accepts::<Credentials>(&json!({"kind": "webhook", "secret": "whsec_short"})));
    }
}
