//! The providers, one line each, and from an account's record to its adapter.
//!
//! Invariant: a test tenant gets the sandbox, whatever its record says, and a live tenant never does.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{OneOfBuilder, RefOr, Schema},
};

use crate::{
    domain::{ids::Mode, invalid::Faults},
    outbound::{
        Capabilities, Provider,
        net::Net,
        providers::{
            amazon_ses, aws_sms, brevo, lob, maileva, mailgun, mailjet, merci_facteur, messagebird, ovhcloud, plivo, postgrid, postmark,
            resend, sandbox, sendgrid, smtp, solvency, twilio, vonage, webhook,
        },
        settings::tagged,
    },
};

/// Makes of one line per provider: the vocabulary of kinds, the shapes of their settings and credentials, and the way to their adapters.
///
/// A provider's module has `Settings`, `Credentials`, `CAPABILITIES`, `STEPS`, an adapter of the kind's name with `open(settings, credentials, net)`, and in its tests
/// `vectors()`.
macro_rules! providers {
    ($($(#[doc = $doc:expr])* $kind:ident = $word:literal in $module:ident,)+) => {
        $crate::words! {
            /// The providers that Relance can send through.
            pub enum ProviderKind {
                $($(#[doc = $doc])* $kind = $word,)+
                /// No network at all: the rehearsal's provider.
                Sandbox = "sandbox",
            }
        }

        /// A provider account's settings, told apart by `kind`.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind")]
        pub enum ProviderSettings {
            $($(#[doc = $doc])* #[serde(rename = $word)] $kind($module::Settings),)+
            /// The rehearsal's provider.
            #[serde(rename = "sandbox")]
            Sandbox(sandbox::Settings),
        }

        /// A provider account's credentials, told apart by `kind`, which must be that of its settings. The sandbox has none.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind")]
        pub enum Credentials {
            $($(#[doc = $doc])* #[serde(rename = $word)] $kind($module::Credentials),)+
        }

        impl ProviderSettings {
            /// The kind.
            pub const fn kind(&self) -> ProviderKind {
                match self {
                    $(Self::$kind(_) => ProviderKind::$kind,)+
                    Self::Sandbox(_) => ProviderKind::Sandbox,
                }
            }
        }

        impl PartialSchema for ProviderSettings {
            fn schema() -> RefOr<Schema> {
                OneOfBuilder::new()
                    .description(Some("A provider account's settings, told apart by `kind`."))
                    $(.item(tagged::<$module::Settings>($word)))+
                    .item(tagged::<sandbox::Settings>("sandbox"))
                    .into()
            }
        }
        impl ToSchema for ProviderSettings {
            fn schemas(components: &mut Vec<(String, RefOr<Schema>)>) {
                $(<$module::Settings as ToSchema>::schemas(components);)+
            }
        }

        impl PartialSchema for Credentials {
            fn schema() -> RefOr<Schema> {
                OneOfBuilder::new()
                    .description(Some("A provider account's credentials, told apart by `kind`. Never shown again."))
                    $(.item(tagged::<$module::Credentials>($word)))+
                    .into()
            }
        }
        impl ToSchema for Credentials {}

        /// What the accounts of a kind can carry and prove.
        pub const fn capabilities(kind: ProviderKind) -> Capabilities {
            match kind {
                $(ProviderKind::$kind => $module::CAPABILITIES,)+
                ProviderKind::Sandbox => sandbox::CAPABILITIES,
            }
        }

        /// What to do at a provider so that receipts arrive, a sentence each; `{url}` stands for the account's receipt URL.
        pub const fn setup_steps(kind: ProviderKind) -> &'static [&'static str] {
            match kind {
                $(ProviderKind::$kind => $module::STEPS,)+
                ProviderKind::Sandbox => sandbox::STEPS,
            }
        }

        /// The receipts that an adapter must be shown to tell from forgeries: one without them does not compile.
        #[cfg(test)]
        fn vectors(kind: ProviderKind) -> Option<$crate::outbound::bench::Vectors> {
            match kind {
                $(ProviderKind::$kind => $module::tests::vectors(),)+
                ProviderKind::Sandbox => None,
            }
        }

        fn live(settings: &ProviderSettings, credentials: Option<&Credentials>, net: &Net) -> Result<Box<dyn Provider>, Faults> {
            match (settings, credentials) {
                $((ProviderSettings::$kind(settings), None) => Ok(Box::new($module::$kind::open(settings, None, net)?)),)+
                $((ProviderSettings::$kind(settings), Some(Credentials::$kind(key))) => Ok(Box::new($module::$kind::open(settings, Some(key), net)?)),)+
                (ProviderSettings::Sandbox(_), _) => {
                    Err(Faults::one("/settings/kind", "test_mode_only", "the sandbox sends nothing; live mode needs a provider that does"))
                }
                (settings, Some(_)) => Err(Faults::one(
                    "/credentials/kind",
                    "mismatch",
                    format!("the settings are of kind {}; so must the credentials be", settings.kind()),
                )),
            }
        }
    };
}

providers! {
    /// Any mail server, by SMTP.
    Smtp = "smtp" in smtp,
    /// Amazon SES, for e-mail.
    AmazonSes = "amazon_ses" in amazon_ses,
    /// Brevo, for e-mail and text messages.
    Brevo = "brevo" in brevo,
    /// Mailgun, for e-mail.
    Mailgun = "mailgun" in mailgun,
    /// Mailjet, for e-mail.
    Mailjet = "mailjet" in mailjet,
    /// Postmark, for e-mail.
    Postmark = "postmark" in postmark,
    /// Resend, for e-mail.
    Resend = "resend" in resend,
    /// SendGrid, for e-mail.
    Sendgrid = "sendgrid" in sendgrid,
    /// Amazon's End User Messaging, for text messages.
    AwsSms = "aws_sms" in aws_sms,
    /// MessageBird, for text messages.
    Messagebird = "messagebird" in messagebird,
    /// OVHcloud, for text messages.
    Ovhcloud = "ovhcloud" in ovhcloud,
    /// Plivo, for text messages.
    Plivo = "plivo" in plivo,
    /// Twilio, for text messages.
    Twilio = "twilio" in twilio,
    /// Vonage, for text messages.
    Vonage = "vonage" in vonage,
    /// Lob, for letters within and from the United States.
    Lob = "lob" in lob,
    /// Maileva, of La Poste, for letters.
    Maileva = "maileva" in maileva,
    /// Merci Facteur, for letters.
    MerciFacteur = "merci_facteur" in merci_facteur,
    /// PostGrid, for letters.
    Postgrid = "postgrid" in postgrid,
    /// A gateway of your own, by signed webhook.
    Webhook = "webhook" in webhook,
    /// A provider of solvency checks, by signed webhook. It carries no messages.
    Solvency = "solvency" in solvency,
}

/// The adapter through which a tenant in `mode` sends.
///
/// # Errors
/// Every fault of the record, with pointers under `/settings` and `/credentials`.
pub fn for_mode(
    mode: Mode,
    settings: &ProviderSettings,
    credentials: Option<&Credentials>,
    net: &Net,
) -> Result<Box<dyn Provider>, Faults> {
    match mode {
        Mode::Test => Ok(Box::new(sandbox::Sandbox)),
        Mode::Live => live(settings, credentials, net),
    }
}

/// Whether a record can be kept: its settings and credentials are complete and belong together. Calls nobody.
///
/// # Errors
/// Every fault, with pointers under `/settings` and `/credentials`.
pub fn check(mode: Mode, settings: &ProviderSettings, credentials: Option<&Credentials>, net: &Net) -> Result<(), Faults> {
    match (mode, settings) {
        (Mode::Test, ProviderSettings::Sandbox(_)) => Ok(()),
        _ => live(settings, credentials, net).map(drop),
    }
}

/// The adapter of a provider of solvency checks.
///
/// # Errors
/// A record of another kind; every fault of the record.
pub fn solvency(settings: &ProviderSettings, credentials: Option<&Credentials>, net: &Net) -> Result<solvency::Solvency, Faults> {
    match (settings, credentials) {
        (ProviderSettings::Solvency(settings), Some(Credentials::Solvency(key))) => solvency::Solvency::open(settings, Some(key), net),
        _ => Err(Faults::one("/settings/kind", "mismatch", "this account is not one of a provider of solvency checks")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        domain::provider::ReceiptSignature,
        outbound::{Inbound, bench},
    };

    fn of(mode: Mode, settings: Value, credentials: Value) -> Result<Capabilities, Faults> {
        let settings: ProviderSettings = serde_json::from_value(settings).unwrap();
        let credentials: Option<Credentials> = serde_json::from_value(credentials).unwrap();
        for_mode(mode, &settings, credentials.as_ref(), &bench::net()).map(|provider| provider.capabilities())
    }

    #[test]
    fn a_test_tenant_gets_the_sandbox_and_a_live_one_never() {
        let hook = json!({"kind": "webhook", "url": "https://example.com/hook"});
        let key = json!({"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
        assert_eq!(of(Mode::Test, hook.clone(), key.clone()), Ok(sandbox::CAPABILITIES));
        let live = of(Mode::Live, hook.clone(), key.clone()).unwrap();
        assert_eq!(live.signature, ReceiptSignature::StandardWebhooks);
        let code = |result: Result<Capabilities, Faults>| result.unwrap_err().0[0].code;
        assert_eq!(code(of(Mode::Live, json!({"kind": "sandbox"}), json!(null))), "test_mode_only");
        assert_eq!(code(of(Mode::Live, hook, json!(null))), "required");
        assert_eq!(code(of(Mode::Live, json!({"kind": "twilio", "account_sid": "AC"}), key)), "mismatch");
    }

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
        let topic = "arn:aws:sns:eu-west-3:123456789012:relance-receipts";
        let good = [
            smtp.clone(),
            json!({"kind": "amazon_ses", "region": "eu-west-3", "from_email": "a@example.com", "topic_arn": topic}),
            json!({"kind": "brevo", "from_email": "a@example.com", "sms_sender": "Dupont"}),
            json!({"kind": "mailgun", "from_email": "a@example.com", "region": "eu", "domain": "mg.example.com"}),
            json!({"kind": "mailjet", "from_email": "a@example.com"}),
            json!({"kind": "postmark", "from_email": "a@example.com"}),
            json!({"kind": "resend", "from_email": "a@example.com"}),
            json!({"kind": "sendgrid", "from_email": "a@example.com", "region": "eu"}),
            json!({"kind": "aws_sms", "region": "eu-west-3", "configuration_set": "dunning", "topic_arn": topic}),
            json!({"kind": "messagebird", "from": "Dupont"}),
            json!({"kind": "ovhcloud", "service_name": "sms-ab12345-1", "from": "Dupont"}),
            json!({"kind": "plivo", "auth_id": "MAXXXXXXXXXXXXXXXXXX", "from": "+33757000000"}),
            twilio,
            json!({"kind": "vonage", "api_key": "a1b2c3d4", "from": "Dupont"}),
            json!({"kind": "lob"}),
            json!({"kind": "maileva", "client_id": "appli.123", "username": "jean.dupont"}),
            json!({"kind": "merci_facteur", "service_id": "a1b2c3d4", "user_id": 17460}),
            json!({"kind": "postgrid"}),
            json!({"kind": "webhook", "url": "https://example.com/hook"}),
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

    #[test]
    fn every_adapter_tells_its_providers_receipts_from_forgeries() {
        for kind in ProviderKind::ALL {
            let unsigned = matches!(capabilities(*kind).signature, ReceiptSignature::NoReceipts | ReceiptSignature::SecretPath);
            match vectors(*kind) {
                Some(vectors) => vectors.withstand_forgery(),
                None => assert!(unsigned, "{kind} signs its receipts: show some"),
            }
        }
    }

    /// Whatever follows a genuine receipt on its way in, verified or not. All at once: ten minutes for each are then ten minutes.
    #[test]
    fn foreign_bytes_break_no_adapter() {
        let all: Vec<bench::Vectors> = ProviderKind::ALL.iter().filter_map(|kind| vectors(*kind)).collect();
        std::thread::scope(|scope| {
            for (vectors, genuine, at) in all.iter().flat_map(|one| one.genuine.iter().map(move |(genuine, at)| (one, genuine, *at))) {
                scope.spawn(move || hand_foreign_bytes(vectors, genuine, at));
            }
        });
    }

    fn hand_foreign_bytes(vectors: &bench::Vectors, genuine: &Inbound, at: chrono::DateTime<chrono::Utc>) {
        // A signature that stands in the body is damaged with it; what it then names would have to be fetched, so such a receipt is only read.
        let signature = genuine.headers.get(vectors.header).cloned();
        let foreign =
            (bench::damaged(genuine.body.clone()), bench::damaged(signature.clone().unwrap_or_default().into_bytes()), any::<bool>());
        bench::fuzz(&foreign, |(body, header, keep)| {
            let mut inbound = Inbound { body, ..genuine.clone() };
            if signature.is_some() {
                if !keep {
                    inbound.headers.insert(vectors.header.to_owned(), String::from_utf8_lossy(&header).into_owned());
                }
                let _ = bench::verify(&*vectors.adapter, &inbound, at);
            }
            assert!(vectors.adapter.parse(&inbound).map_or(0, |reports| reports.len()) <= 1_000);
        });
    }
}
