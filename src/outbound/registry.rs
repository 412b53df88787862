//! From a provider account's record to its adapter.
//!
//! Invariant: a test tenant gets the sandbox, whatever its record says, and a live tenant never does.

use crate::{
    domain::{ids::Mode, invalid::Faults},
    outbound::{
        Capabilities, Provider,
        net::Net,
        sandbox::{self, Sandbox},
        settings::{Credentials, ProviderKind, ProviderSettings},
        smtp::{self, Smtp},
        solvency::{self, Solvency},
        twilio::{self, Twilio},
        webhook::{self, Webhook},
    },
};

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
        Mode::Test => Ok(Box::new(Sandbox)),
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

/// What the accounts of a kind can carry and prove.
pub const fn capabilities(kind: ProviderKind) -> Capabilities {
    match kind {
        ProviderKind::Smtp => smtp::CAPABILITIES,
        ProviderKind::Webhook => webhook::CAPABILITIES,
        ProviderKind::Twilio => twilio::CAPABILITIES,
        ProviderKind::Solvency => solvency::CAPABILITIES,
        ProviderKind::Sandbox => sandbox::CAPABILITIES,
    }
}

fn live(settings: &ProviderSettings, credentials: Option<&Credentials>, net: &Net) -> Result<Box<dyn Provider>, Faults> {
    match (settings, credentials) {
        (ProviderSettings::Smtp(settings), None) => Ok(Box::new(Smtp::new(settings, None, net)?)),
        (ProviderSettings::Smtp(settings), Some(Credentials::Smtp(login))) => Ok(Box::new(Smtp::new(settings, Some(login), net)?)),
        (ProviderSettings::Webhook(settings), Some(Credentials::Webhook(key))) => Ok(Box::new(Webhook::new(settings, key, net)?)),
        (ProviderSettings::Twilio(settings), Some(Credentials::Twilio(key))) => Ok(Box::new(Twilio::new(settings, key, net)?)),
        (ProviderSettings::Solvency(settings), Some(Credentials::Solvency(key))) => Ok(Box::new(Solvency::new(settings, key, net)?)),
        (ProviderSettings::Sandbox(_), _) => {
            Err(Faults::one("/settings/kind", "test_mode_only", "the sandbox sends nothing; live mode needs a provider that does"))
        }
        (settings, None) => Err(Faults::one("/credentials", "required", format!("credentials of kind {} are needed", settings.kind()))),
        (settings, Some(_)) => Err(Faults::one(
            "/credentials/kind",
            "mismatch",
            format!("the settings are of kind {}; so must the credentials be", settings.kind()),
        )),
    }
}

/// The adapter of a provider of solvency checks.
///
/// # Errors
/// A record of another kind; every fault of the record.
pub fn solvency(settings: &ProviderSettings, credentials: Option<&Credentials>, net: &Net) -> Result<Solvency, Faults> {
    match (settings, credentials) {
        (ProviderSettings::Solvency(settings), Some(Credentials::Solvency(key))) => Solvency::new(settings, key, net),
        _ => Err(Faults::one("/settings/kind", "mismatch", "this account is not one of a provider of solvency checks")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outbound::{SignatureFamily, bench};

    fn capabilities(mode: Mode, settings: serde_json::Value, credentials: serde_json::Value) -> Result<Capabilities, Faults> {
        let settings: ProviderSettings = serde_json::from_value(settings).unwrap();
        let credentials: Option<Credentials> = serde_json::from_value(credentials).unwrap();
        for_mode(mode, &settings, credentials.as_ref(), &bench::net()).map(|provider| provider.capabilities())
    }

    #[test]
    fn a_test_tenant_gets_the_sandbox_and_a_live_one_never() {
        let hook = json!({"kind": "webhook", "url": "https://example.com/hook"});
        let key = json!({"kind": "webhook", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
        assert_eq!(capabilities(Mode::Test, hook.clone(), key.clone()), Ok(Sandbox.capabilities()));
        let live = capabilities(Mode::Live, hook.clone(), key.clone()).unwrap();
        assert_eq!(live.signature, SignatureFamily::StandardWebhooks);
        let code = |result: Result<Capabilities, Faults>| result.unwrap_err().0[0].code;
        assert_eq!(code(capabilities(Mode::Live, json!({"kind": "sandbox"}), json!(null))), "test_mode_only");
        assert_eq!(code(capabilities(Mode::Live, hook, json!(null))), "required");
        assert_eq!(code(capabilities(Mode::Live, json!({"kind": "twilio", "account_sid": "AC"}), key)), "mismatch");
    }
}
