//! How a provider account fares: asked of its provider, tried with a message of our own, read off what it did.
//!
//! The provider is called before a transaction or after one, never inside.

use actix_web::{get, http::StatusCode, post};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    credentials_of, settings_of,
    shapes::{LastCheck, ProviderCheckView},
};
use crate::{
    actions,
    domain::{
        contact::Channel,
        ids::{MessageId, ProviderAccountId},
        invalid::Faults,
        locale::Language,
        provider::{Breaker, CheckResult},
    },
    error::{Error, Result},
    http::{Call, Problem, call::Answer},
    outbound::{
        Content, Envelope, Mail, Outcome, Probe, Text,
        registry::{self, Credentials, ProviderSettings},
    },
    store::{self, provider_accounts::ProviderAccount, tenants::Tenant},
};

/// How many of the last calls are counted.
const RECENT: i64 = 20;

/// Asks a provider about an account; what it refuses is told, not raised.
///
/// # Errors
/// A record that no adapter can be made of.
pub async fn probe<Body, Query>(
    call: &Call<Body, Query>,
    settings: &ProviderSettings,
    credentials: Option<&Credentials>,
) -> Result<(CheckResult, Option<String>), Problem> {
    let provider =
        registry::for_mode(call.tenant().mode(), settings, credentials, &call.state.net).map_err(|wrong| call.problem(wrong.into()))?;
    Ok(match provider.probe(call.wall()).await {
        Probe::Fine { detail } => (CheckResult::Fine, detail),
        Probe::Refused(why) => (CheckResult::Refused, Some(why)),
        Probe::Unreachable(why) => (CheckResult::Unreachable, Some(why)),
        Probe::NotOffered => (CheckResult::NotOffered, None),
    })
}

/// Check a provider account
///
/// Asks the provider whether the credentials are good, without sending anything, and remembers the answer.
#[utoipa::path(operation_id = "checkProviderAccount", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), responses((status = 200, description = "What the provider said", body = ProviderCheckView)), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts/{provider_account_id}/check")]
pub async fn check(call: Call) -> Answer {
    let id = call.id("provider_account_id")?;
    let row = call.read(move |conn, tenant| store::provider_accounts::find(conn, tenant, id)).await?;
    let record = || Ok((settings_of(&row)?, credentials_of(&row, &call.state)?));
    let (settings, credentials) = record().map_err(|error| call.problem(error))?;
    let (result, detail) = probe(&call, &settings, credentials.as_ref()).await?;
    call.act(StatusCode::OK, move |act| {
        actions::provider_accounts::checked(act, id, result, detail.as_deref())?;
        Ok(ProviderCheckView { object: "provider_check", result, detail: detail.clone(), checked_at: act.wall })
    })
    .await
}

/// A message that tries an account.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "email", "to": "you@example.com"}))]
pub struct TestMessage {
    /// E-mail or text message; the account must carry it.
    pub channel: Channel,
    /// Where to: an address of your own.
    #[schema(min_length = 3, max_length = 254, example = "you@example.com")]
    pub to: String,
}

/// Addresses never reach logs.
impl std::fmt::Debug for TestMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestMessage").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// How a test message went.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TestMessageView {
    /// Always `test_message`.
    #[schema(max_length = 20, example = "test_message")]
    pub object: &'static str,
    /// The id that the provider was given as its reference. It is no message of a reminder, and is not listed.
    pub message_id: MessageId,
    /// How.
    pub channel: Channel,
    /// `accepted`, `rejected`, `not_sent`, or `unknown` when the answer was lost.
    #[schema(max_length = 20, example = "accepted")]
    pub outcome: &'static str,
    /// In the provider's words.
    #[schema(max_length = 1000)]
    pub detail: Option<String>,
    /// The provider's name for it.
    #[schema(max_length = 300)]
    pub provider_message_id: Option<String>,
}

/// Send a test message
///
/// One message in words of ours to an address of yours, through this account and no other; at most ten an hour. It is audited, and suppressions hold for it.
#[utoipa::path(operation_id = "sendTestMessage", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), request_body = TestMessage, responses((status = 200, description = "How it went", body = TestMessageView), (status = 429, description = "Ten were sent within this hour")), security(("api_key" = ["providers:write"])))]
#[post("/v1/provider-accounts/{provider_account_id}/test-message")]
pub async fn test_message(call: Call<TestMessage>) -> Answer {
    let id = call.id("provider_account_id")?;
    if let Some(answer) = call.given_before().await? {
        return Ok(answer);
    }
    let TestMessage { channel, to } = call.body.clone();
    let (account, tenant) = {
        let to = to.clone();
        let work = move |act: &mut actions::Act<'_>| {
            let account = actions::provider_accounts::test_message(act, id, channel, &to)?;
            Ok((account, store::tenants::find(act.conn, act.tenant)?))
        };
        let done = actions::run(&call.state.db, &call.state.clock, call.tenant(), &call.caller.actor, work).await;
        done.map_err(|error| call.problem(error))?
    };
    let view = send(&call, &account, &tenant, channel, &to).await.map_err(|error| call.problem(error))?;
    call.act(StatusCode::OK, move |act| {
        act.witness("provider_account.test_sent", id, serde_json::json!({"outcome": view.outcome}));
        Ok(view.clone())
    })
    .await
}

async fn send(call: &Call<TestMessage>, account: &ProviderAccount, tenant: &Tenant, channel: Channel, to: &str) -> Result<TestMessageView> {
    let provider = call.state.provider(call.tenant(), account)?;
    let now = call.wall();
    let message_id = MessageId::new(now);
    let envelope = envelope(call, account, tenant, channel, to, message_id)?;
    let (outcome, detail, provider_message_id) = match provider.send(&envelope, now).await {
        Outcome::Accepted { provider_id, .. } => ("accepted", None, provider_id),
        Outcome::Rejected { code, reason, .. } => ("rejected", Some(format!("{code}: {reason}")), None),
        Outcome::NotSent { reason, .. } => ("not_sent", Some(reason), None),
        Outcome::Unknown { reason } => ("unknown", Some(reason), None),
    };
    Ok(TestMessageView { object: "test_message", message_id, channel, outcome, detail, provider_message_id })
}

fn envelope(
    call: &Call<TestMessage>,
    account: &ProviderAccount,
    tenant: &Tenant,
    channel: Channel,
    to: &str,
    id: MessageId,
) -> Result<Envelope> {
    let wrong = |why: String| Error::from(Faults::one("/to", "wrong_format", why));
    let (subject, text) = words(tenant.language, &tenant.name);
    let content = match channel {
        Channel::Email => Content::Mail(Mail {
            to: to.parse().map_err(wrong)?,
            to_name: None,
            from_name: Some(tenant.name.parse().map_err(wrong)?),
            reply_to: tenant.settings.letterhead.reply_to.clone(),
            subject: subject.parse().map_err(wrong)?,
            html: format!("<p>{}</p>", escaped(&text)),
            text,
            list_unsubscribe: None,
            attachments: Vec::new(),
        }),
        _ => Content::Text(Text { to: to.parse().map_err(wrong)?, body: text }),
    };
    let receipts_url = call.state.receipt_url(account).map(|url| url.parse()).transpose().map_err(wrong)?;
    Ok(Envelope { message_id: id, idempotency_key: id.to_string().parse().map_err(wrong)?, content, receipts_url })
}

/// A subject and a text that nobody takes for a claim.
fn words(language: Language, name: &str) -> (String, String) {
    match language {
        Language::French => {
            ("Message d'essai".to_owned(), format!("Ceci est un message d'essai de {name}. Il ne demande rien et n'attend pas de réponse."))
        }
        Language::English => {
            ("Test message".to_owned(), format!("This is a test message from {name}. It asks for nothing and needs no answer."))
        }
        Language::Dutch => {
            ("Testbericht".to_owned(), format!("Dit is een testbericht van {name}. Er wordt niets gevraagd en een antwoord is niet nodig."))
        }
        Language::German => {
            ("Testnachricht".to_owned(), format!("Dies ist eine Testnachricht von {name}. Sie verlangt nichts und braucht keine Antwort."))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// How an account fares.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderHealthView {
    /// Always `provider_health`.
    #[schema(max_length = 20, example = "provider_health")]
    pub object: &'static str,
    /// Of which account.
    pub provider_account_id: ProviderAccountId,
    /// Whether calls pass.
    pub breaker: Breaker,
    /// Until when nothing is called: its calls failed, or the provider asked for quiet.
    pub paused_until: Option<DateTime<Utc>>,
    /// Since when it has been failing.
    pub failing_since: Option<DateTime<Utc>>,
    /// What last spoke against the account.
    #[schema(max_length = 1000)]
    pub last_error: Option<String>,
    /// What its last check found.
    pub last_check: Option<LastCheck>,
    /// When a message was last handed over and taken.
    pub last_success_at: Option<DateTime<Utc>>,
    /// The last calls, twenty at most.
    pub recent: RecentCalls,
    /// How the attempts of the last 24 hours ended.
    pub last_24_hours: OutcomeCounts,
}

/// The last calls.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecentCalls {
    /// How many there were.
    #[schema(minimum = 0, maximum = 20)]
    pub calls: usize,
    /// How many of them spoke against the account: not processed, refused, or no answer.
    #[schema(minimum = 0, maximum = 20)]
    pub failures: usize,
}

/// Attempts by their outcome.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct OutcomeCounts {
    /// Taken.
    #[schema(minimum = 0)]
    pub accepted: i64,
    /// Refused for the message's sake.
    #[schema(minimum = 0)]
    pub rejected: i64,
    /// Not processed, or refused for the account's sake: tried again, here or elsewhere.
    #[schema(minimum = 0)]
    pub not_sent: i64,
    /// Not even called: paused, or the time was up.
    #[schema(minimum = 0)]
    pub not_called: i64,
    /// Not sent for the last time.
    #[schema(minimum = 0)]
    pub given_up: i64,
    /// The answer was lost.
    #[schema(minimum = 0)]
    pub unknown: i64,
    /// No answer yet.
    #[schema(minimum = 0)]
    pub under_way: i64,
}

/// Get a provider account's health
///
/// From its own attempts and what this server knows at this moment. Nobody is called.
#[utoipa::path(operation_id = "getProviderHealth", tag = "Providers", params(("provider_account_id" = ProviderAccountId, Path, description = "The account")), responses((status = 200, description = "How it fares", body = ProviderHealthView)), security(("api_key" = ["providers:read"])))]
#[get("/v1/provider-accounts/{provider_account_id}/health")]
pub async fn find(call: Call) -> Answer {
    let (id, wall) = (call.id("provider_account_id")?, call.wall());
    let state = call.state.clone();
    let view = call
        .read(move |conn, tenant| {
            let now = actions::present(conn, tenant, wall)?;
            let row = store::provider_accounts::find(conn, tenant, id)?;
            let here = state.providers.health((tenant, id), now);
            let written = row.paused_until.map(|at| at.0).filter(|until| *until > now);
            let paused_until = here.paused_until.max(written);
            let recent = store::attempts::recent(conn, tenant, id, RECENT)?;
            let failed = |outcome: &str| matches!(outcome, "not_sent" | "given_up" | "unknown");
            let failures = recent.iter().filter(|attempt| attempt.outcome.as_deref().is_some_and(failed)).count();
            let failing = here.failing || row.failing_since.is_some();
            Ok(ProviderHealthView {
                object: "provider_health",
                provider_account_id: id,
                breaker: match (failing, paused_until) {
                    (false, _) => Breaker::Closed,
                    (true, Some(_)) => Breaker::Open,
                    (true, None) => Breaker::HalfOpen,
                },
                paused_until,
                failing_since: row.failing_since.map(|at| at.0),
                last_error: row.last_error,
                last_check: row.check_result.zip(row.checked_at).map(|(result, at)| LastCheck { result, at: at.0 }),
                last_success_at: store::attempts::last_success(conn, tenant, id)?,
                recent: RecentCalls { calls: recent.len(), failures },
                last_24_hours: counts(&store::attempts::outcomes(conn, tenant, id, now - TimeDelta::hours(24))?),
            })
        })
        .await?;
    call.ok(&view)
}

fn counts(outcomes: &std::collections::BTreeMap<Option<String>, i64>) -> OutcomeCounts {
    let of = |word: &str| outcomes.get(&Some(word.to_owned())).copied().unwrap_or(0);
    OutcomeCounts {
        accepted: of("accepted"),
        rejected: of("rejected"),
        not_sent: of("not_sent"),
        not_called: of("not_called"),
        given_up: of("given_up"),
        unknown: of("unknown"),
        under_way: outcomes.get(&None).copied().unwrap_or(0),
    }
}
