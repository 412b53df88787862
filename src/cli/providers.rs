//! `relance providers`: which providers this binary can send through, and what each of them can carry and prove.

use serde_json::{Value, json};

use super::Failure;
use crate::{
    domain::contact::Channel,
    outbound::{
        Capabilities, Idempotency,
        registry::{self, ProviderKind},
    },
};

/// Lists the providers.
#[derive(Debug, clap::Args)]
pub struct Providers {
    /// As JSON, with the steps to set each up.
    #[arg(long)]
    json: bool,
}

impl Providers {
    #[expect(clippy::print_stdout, reason = "the list is the output")]
    pub(super) fn run(&self) -> Result<(), Failure> {
        if self.json {
            let all: Vec<Value> = ProviderKind::ALL.iter().map(|kind| described(*kind)).collect();
            println!("{}", serde_json::to_string_pretty(&all).map_err(|error| error.to_string())?);
            return Ok(());
        }
        println!("{:<14} {:<16} {:<12} {:<8} {:<18} grade", "kind", "channels", "repeats", "look-up", "receipts");
        for kind in ProviderKind::ALL {
            let known = registry::capabilities(*kind);
            let (kind, channels) = (kind.to_string(), channels(known));
            let lookup = if known.lookup { "yes" } else { "no" };
            println!("{kind:<14} {channels:<16} {:<12} {lookup:<8} {:<18} {}", repeats(known), known.signature.to_string(), known.grade);
        }
        Ok(())
    }
}

fn described(kind: ProviderKind) -> Value {
    let known = registry::capabilities(kind);
    json!({
        "kind": kind, "channels": known.channels, "idempotent_seconds": seconds(known), "lookup": known.lookup,
        "receipts": known.signature, "evidence_grade": known.grade, "setup_steps": registry::setup_steps(kind),
    })
}

fn channels(known: Capabilities) -> String {
    let words: Vec<&str> = known.channels.iter().map(|channel: &Channel| channel.as_str()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(",") }
}

/// For how long a message is recognised that was given before, in seconds.
const fn seconds(known: Capabilities) -> Option<i64> {
    match known.idempotency {
        Idempotency::None => None,
        Idempotency::Key(window) => Some(window.num_seconds()),
    }
}

fn repeats(known: Capabilities) -> String {
    match seconds(known) {
        None => "never".to_owned(),
        Some(seconds) if seconds % 3_600 == 0 => format!("within {} h", seconds / 3_600),
        Some(seconds) => format!("within {} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_described_in_full() {
        for kind in ProviderKind::ALL {
            let told = described(*kind);
            assert_eq!(told.as_object().map(|fields| fields.len()), Some(7), "{told}");
            assert!(told["evidence_grade"].is_string() && told["receipts"].is_string(), "{told}");
        }
        let webhook = registry::capabilities(ProviderKind::Webhook);
        assert_eq!((channels(webhook).as_str(), repeats(webhook).as_str()), ("email,sms,letter", "within 24 h"));
        assert_eq!(repeats(registry::capabilities(ProviderKind::Twilio)), "never");
    }
}
